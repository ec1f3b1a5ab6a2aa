/// Normal mean: refuses covariates, leaves the rest to linear regression.
#include "engine/models/normal_mean.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/data/columns.hpp"
#include "engine/error.hpp"

namespace variscope::models {

namespace {

/// The table, if its one column is an intercept.
const data::Table& without_covariates(const data::Table& table) {
  std::vector<std::string> covariates = table.columns;
  std::erase(covariates, "intercept");
  if (!covariates.empty()) {
    throw UserError(
        fmt::format("model.name: 'normal_mean' takes no covariates (the data have {}). Use linear_regression, or set data.columns = [].",
                    data::list_names(covariates)));
  }
  bool ones = !table.columns.empty();
  for (Index n = table.held.first; ones && n < table.held.last; ++n) {
    const double* x = table.row(n);
    ones = std::all_of(x, x + table.width(), [](double number) { return number == 1.0; });
  }
  if (!ones)
    throw UserError(
        "model.name: 'normal_mean' has no intercept of ones (its mean is that column's coefficient). Set data.intercept = true.");
  return table;
}

}  // namespace

NormalMean::NormalMean(const data::Table& table, double prior_mean, double prior_sd)
    : LinearRegression(without_covariates(table), 1.0, prior_mean, prior_sd) {}

Entry normal_mean_entry() {
  Entry entry;
  entry.name = "normal_mean";
  entry.summary =
      "y ~ N(z, 1) with a normal prior on z, no covariates (data.intercept = true); posterior and noise components in closed form";
  entry.source = "definition; conjugacy: Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., section 2.5";
  entry.response = ResponseKind::real;
  entry.covariates = false;
  entry.parameters = {{"prior_mean", "mean of the normal prior", {0.0}}, {"prior_sd", "standard deviation of the normal prior", {1.0}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<NormalMean>(*arguments.table, arguments.number("prior_mean"), arguments.number("prior_sd"));
  };
  entry.smoke.numbers = {{"prior_mean", {0.25}}, {"prior_sd", {1.5}}};
  return entry;
}

}  // namespace variscope::models
