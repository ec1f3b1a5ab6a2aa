/// Lists the models: one line each.
#include "engine/models/catalogue.hpp"

#include "engine/models/banana.hpp"
#include "engine/models/bernoulli_toy.hpp"
#include "engine/models/beta.hpp"
#include "engine/models/columnwise_normal.hpp"
#include "engine/models/conditioned_gaussian.hpp"
#include "engine/models/funnel.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/models/gaussian_process.hpp"
#include "engine/models/glm.hpp"
#include "engine/models/hierarchical_normal.hpp"
#include "engine/models/horseshoe_ridge.hpp"
#include "engine/models/library/library_model.hpp"
#include "engine/models/linear_regression.hpp"
#include "engine/models/logistic_regression.hpp"
#include "engine/models/mixture_assignments.hpp"
#include "engine/models/neural_network.hpp"
#include "engine/models/normal_mean.hpp"
#include "engine/models/normal_mixture.hpp"
#include "engine/models/normal_mixture_model.hpp"
#include "engine/models/rosenbrock.hpp"
#include "engine/models/student_t.hpp"
#include "engine/models/univariate.hpp"

namespace variscope::models {

const std::vector<Entry>& catalogue() {
  static const std::vector<Entry> entries = {
      logistic_regression_entry(),   //
      linear_regression_entry(),     //
      normal_mean_entry(),           //
      gaussian_entry(),              //
      banana_entry(),                //
      univariate_entry(),            //
      bernoulli_toy_entry(),         //
      mixture_assignments_entry(),   //
      glm_entry(),                   //
      conditioned_gaussian_entry(),  //
      student_t_entry(),             //
      beta_entry(),                  //
      normal_mixture_entry(),        //
      rosenbrock_entry(),            //
      funnel_entry(),                //
      horseshoe_ridge_entry(),       //
      columnwise_normal_entry(),     //
      neural_network_entry(),        //
      hierarchical_normal_entry(),   //
      normal_mixture_model_entry(),  //
      gaussian_process_entry(),      //
      library_entry(),               //
      library_rows_entry(),          //
  };
  return entries;
}

const Entry* find(const std::string& name) {
  for (const Entry& entry : catalogue()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace variscope::models
