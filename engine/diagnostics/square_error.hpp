/// Mean squared error of an estimator that is declared biased, and what of it is bias.
#pragma once

#include "engine/diagnostics/jackknife.hpp"
#include "engine/diagnostics/variance.hpp"
#include "engine/record.hpp"

namespace variscope::diagnostics {

struct SquareErrorStatistics {
  LeaveOneOut total;           ///< E|g - G|^2 over all parameters
  LeaveOneOut bias_square;     ///< |E g - G|^2, unbiased: may be negative where the bias is near zero
  double reference_error = 0;  ///< standard error of bias_square that comes from the reference, which no batch shows
  std::vector<double> count;   ///< [batch]
};

/// |mean - reference|^2 less its expectation without bias, tr Var / n and the reference's own squared error, which is also taken off the
/// mean squared error: it is bias_square + tr Var.
/// variance: of the same moments, for floors and tails. Cost O(batches x parameters).
SquareErrorStatistics square_error(const BatchMoments& moments, const PointRecord& point, const VarianceStatistics& variance);

/// 95 % interval of bias_square: jackknife, widened by the error of the reference.
Estimate bias_square_estimate(const SquareErrorStatistics& statistics);

}  // namespace variscope::diagnostics
