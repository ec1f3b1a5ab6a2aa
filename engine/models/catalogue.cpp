/// Lists the models: one line each.
#include "engine/models/catalogue.hpp"

#include "engine/models/banana.hpp"
#include "engine/models/bernoulli_toy.hpp"
,
#include "engine/models/linear_regression.hpp"
#include "engine/models/logistic_regression.hpp"
#include "engine/models/neural_network.hpp"
#include "engine/models/normal_mean.hpp"
#include "engine/models/normal_mixture.hpp"
#include "engine/models/rosenbrock.hpp"
#include "engine/models/student_t.hpp"
#include "engine/models/univariate.hpp"

    namespace variscope::models {

  logistic_regression_entry(), linear_regression_entry(), normal_mean_entry(), gaussian_entry(), banana_entry(), univariate_entry(),
      bernoulli_toy_entry(), columnwise_normal_entry(), neural_network_entry(), glm_entry(), conditioned_gaussian_entry(),
      student_t_entry(), beta_entry(), normal_mixture_entry(), rosenbrock_entry(), funnel_entry(), horseshoe_ridge_entry(),
      hierarchical_normal_entry(),
}

}  // namespace variscope::models
