/// Pool the batches of one estimator into unbiased means and variances, and say below what a variance is only rounding.
#pragma once

#include <vector>

#include "engine/record.hpp"

namespace variscope::diagnostics {

/// All batches together.
struct PooledMoments {
  double count = 0;                 ///< n replicates
  std::vector<double> deviation;    ///< [parameter] mean of (g - reference)
  std::vector<double> variance;     ///< [parameter] unbiased sample variance of one call; NaN if n < 2
  std::vector<double> mean_square;  ///< [parameter] mean of (g - reference)^2
};

/// Sums batch after batch in index order. Never negative: cancellation below zero is set to zero. Cost O(batches x parameters).
PooledMoments pool(const BatchMoments& moments);

/// Per coordinate, the standard deviation that rounding alone can produce: 2^12 machine epsilons of the largest of
/// |reference|, the root mean square deviation of any estimator at the point, and the terms an estimator of a mean-field
/// family cancels (1/s for a mean, 1 for a log scale). A variance below its square is reported as zero.
/// mean_field: lambda = (m, rho = log s). Result: [parameter].
std::vector<double> rounding_floor(const PointRecord& point, bool mean_field);

}  // namespace variscope::diagnostics
