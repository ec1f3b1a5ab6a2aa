/// Pool the batches of one estimator into unbiased means and variances, and say below what a variance is only rounding.
#include "engine/diagnostics/moments.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace variscope::diagnostics {

PooledMoments pool(const BatchMoments& moments) {
  const auto parameters = static_cast<std::size_t>(moments.parameters);
  PooledMoments pooled;
  pooled.deviation.assign(parameters, 0.0);
  pooled.variance.assign(parameters, 0.0);
  pooled.mean_square.assign(parameters, 0.0);
  for (std::size_t b = 0; b < moments.count.size(); ++b) {
    pooled.count += moments.count[b];
    const double* sum = &moments.sum[b * parameters];
    const double* square = &moments.square[b * parameters];
    for (std::size_t p = 0; p < parameters; ++p) {
      pooled.deviation[p] += sum[p];
      pooled.mean_square[p] += square[p];
    }
  }
  const double n = pooled.count;
  for (std::size_t p = 0; p < parameters; ++p) {
    pooled.deviation[p] /= n;
    const double centred = pooled.mean_square[p] - n * pooled.deviation[p] * pooled.deviation[p];
    pooled.mean_square[p] /= n;
    if (n < 2) {
      pooled.variance[p] = std::numeric_limits<double>::quiet_NaN();
    } else {
      // Written so that NaN stays NaN.
      pooled.variance[p] = (centred < 0 ? 0.0 : centred) / (n - 1);
    }
  }
  return pooled;
}

std::vector<double> rounding_floor(const PointRecord& point, bool mean_field) {
  const std::size_t parameters = point.reference.size();
  std::vector<double> floor(parameters, 0.0);
  for (std::size_t p = 0; p < parameters; ++p) {
    floor[p] = std::abs(point.reference[p]);
    if (mean_field) {
      const bool is_mean = p < parameters / 2;
      floor[p] = std::max(floor[p], is_mean ? std::exp(-point.lambda[p + parameters / 2]) : 1.0);
    }
  }
  for (const EstimatorRecord& estimator : point.estimators) {
    const PooledMoments pooled = pool(estimator.moments);
    for (std::size_t p = 0; p < parameters; ++p) {
      const double root = std::sqrt(pooled.mean_square[p]);
      if (std::isfinite(root)) {
        floor[p] = std::max(floor[p], root);
      }
    }
  }
  constexpr double roundings = 4096 * std::numeric_limits<double>::epsilon();
  for (double& value : floor) {
    value *= roundings;
  }
  return floor;
}

}  // namespace variscope::diagnostics
