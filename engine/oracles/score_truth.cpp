/// Variances of score-function estimates with every kind of baseline.
#include "engine/oracles/score_truth.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "engine/oracles/gaussian_variance.hpp"

namespace variscope::oracles {

bool is_score_estimator(const std::string& name) { return name == "sf_raw" || name == "sf_mean" || name == "sf_rb" || name == "sf_loo"; }

std::optional<EstimatorTruth> score_truth(const std::string& name, const OneSampleMoments& one, Index samples, const Options& options) {
  const std::size_t parameters = one.gradient.size();
  if (!is_score_estimator(name) || samples < (name == "sf_loo" ? 2 : 1)) return std::nullopt;
  if (!options.coefficients.empty() && options.coefficients.size() != parameters) {
    throw std::invalid_argument("oracles: one coefficient a parameter is needed");
  }
  EstimatorTruth result{one.gradient, {}, 0.0};
  double growth = 1;  // of the moments' error through the products below
  for (std::size_t p = 0; p < parameters; ++p) {
    const double mu11 = one.covariance[p];
    if (name == "sf_loo") {
      result.variance.push_back(
          sample_covariance_variance(one.centred_variance[p] + mu11 * mu11, one.spread[p], one.score2[p], mu11, samples));
      growth = std::max(growth, 1 + one.score2[p] + 2 * std::abs(mu11));
      continue;
    }
    double variance = one.score_variance[p];
    std::optional<double> baseline;
    if (name == "sf_mean") {
      variance = one.centred_variance[p];
      baseline = options.baseline;
    } else if (name == "sf_rb") {
      baseline = options.coefficients.empty() ? one.optimal_coefficient(p) : options.coefficients[p];
    }
    if (baseline) {
      const double beyond = *baseline - one.centre[p];
      variance = one.baseline_variance(p, *baseline);
      growth = std::max(growth, 1 + 2 * std::abs(beyond) + 2 * std::abs(beyond * one.score2[p] - one.centred_score2[p]));
    }
    result.variance.push_back(variance / static_cast<double>(samples));
  }
  result.error = one.error * growth;
  return result;
}

}  // namespace variscope::oracles
