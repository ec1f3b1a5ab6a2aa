/// The mean of a normal: y_n ~ N(z, 1), z ~ N(prior_mean, prior_sd^2). Posterior and all noise components in closed form.
#pragma once

#include <string>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/linear_regression.hpp"

namespace variscope::models {

/// Linear regression on the intercept alone, with noise 1: the same kernels, dim 1.
class NormalMean final : public LinearRegression {
 public:
  /// The table must outlive the model. Throws UserError, naming them, if it has columns beside an intercept of ones, or none.
  NormalMean(const data::Table& table, double prior_mean, double prior_sd);
  [[nodiscard]] std::vector<std::string> parameter_names() const override { return {"mean"}; }
};

Entry normal_mean_entry();

}  // namespace variscope::models
