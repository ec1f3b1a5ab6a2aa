/// Priors and expectations of models with a linear predictor.
#include "engine/models/linear_model.hpp"

#include <cmath>
#include <utility>

#include "engine/error.hpp"
#include "engine/models/gaussian_prior.hpp"

namespace variscope::models {

namespace {
/// Bound on the relative rounding of one summand after a sum of many: generous, and far below any Monte Carlo error.
constexpr double kRounding = 1e-14;
}  // namespace

LinearModel::LinearModel(const data::Table& table, double prior_mean, double prior_sd, std::vector<double> response)
    : table_(table), response_(std::move(response)) {
  if (!std::isfinite(prior_mean)) throw UserError("model.prior_mean: must be finite (it is the mean of a normal). Use 0.0.");
  if (!(prior_sd > 0) || !std::isfinite(prior_sd))
    throw UserError("model.prior_sd: must be positive and finite (it is a standard deviation). Use 1.0 for standardised columns.");
  const auto dim = static_cast<std::size_t>(table.width());
  prior_ = {std::vector<double>(dim, prior_mean), std::vector<double>(dim, prior_sd)};
}

void LinearModel::log_prior(ConstBatchView theta, Evaluation& out) const { gaussian_log_prior(prior_, theta, out); }

void LinearModel::expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const {
  expected_gaussian_log_prior(prior_, mean, scale, out);
}

void LinearModel::expected_log_likelihood(Range rows, const double* mean, const double* scale, GaussianExpectation& out) const {
  const Index width = dim();
  for (Index n = rows.first; n < rows.last; ++n) {
    const double* x = table_.row(n);
    Projection eta;
    for (Index d = 0; d < width; ++d) {
      eta.center += x[d] * mean[d];
      eta.size += std::fabs(x[d] * mean[d]);
      eta.variance += x[d] * x[d] * scale[d] * scale[d];
    }
    const RowExpectation e = expected_row(eta, response_[static_cast<std::size_t>(n - table_.held.first)]);
    out.value += e.value;
    out.value_error += e.value_error;
    for (Index d = 0; d < width; ++d) {
      const double first = x[d] * e.first;
      const double second = x[d] * x[d] * scale[d] * scale[d] * e.second;
      const auto i = static_cast<std::size_t>(d);
      const auto j = static_cast<std::size_t>(width + d);
      out.gradient[i] += first;
      out.gradient[j] += second;
      out.error[i] += std::fabs(x[d]) * e.first_error + kRounding * std::fabs(first);
      out.error[j] += x[d] * x[d] * scale[d] * scale[d] * e.second_error + kRounding * std::fabs(second);
    }
  }
}

void LinearModel::expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const {
  expected_gaussian_log_prior_under(prior_, mean, covariance, out);
}

void LinearModel::expected_log_likelihood_under(Range rows, const double* mean, const double* covariance, GaussianExpectation& out) const {
  const Index width = dim();
  for (Index n = rows.first; n < rows.last; ++n) {
    const double* x = table_.row(n);
    Projection eta;
    for (Index d = 0; d < width; ++d) {
      eta.center += x[d] * mean[d];
      eta.size += std::fabs(x[d] * mean[d]);
      double along = 0;
      for (Index c = 0; c < width; ++c) along += covariance[d * width + c] * x[c];
      eta.variance += x[d] * along;
    }
    eta.variance = std::fmax(eta.variance, 0.0);  // rounding
    const RowExpectation e = expected_row(eta, response_[static_cast<std::size_t>(n - table_.held.first)]);
    out.value += e.value;
    out.value_error += e.value_error;
    auto place = static_cast<std::size_t>(width);
    for (Index d = 0; d < width; ++d) {
      const double first = x[d] * e.first;
      out.gradient[static_cast<std::size_t>(d)] += first;
      out.error[static_cast<std::size_t>(d)] += std::fabs(x[d]) * e.first_error + kRounding * std::fabs(first);
      for (Index c = 0; c < width; ++c, ++place) {
        const double product = 0.5 * x[d] * x[c];
        out.gradient[place] += product * e.second;
        out.error[place] += std::fabs(product) * (e.second_error + kRounding * std::fabs(e.second));
      }
    }
  }
}

}  // namespace variscope::models
