/// Variance statistics of one estimator (traces, maxima, Fisher-weighted trace) with and without each batch.
#pragma once

#include <span>
#include <vector>

#include "engine/diagnostics/jackknife.hpp"
#include "engine/record.hpp"

namespace variscope::diagnostics {

/// Everything the intervals and ratios of one estimator are made from.
struct VarianceStatistics {
  std::vector<LeaveOneOut> trace;    ///< [block]
  std::vector<LeaveOneOut> maximum;  ///< [block]
  LeaveOneOut total;                 ///< trace over all parameters
  LeaveOneOut total_maximum;
  LeaveOneOut fisher;         ///< empty `without` if there are no weights
  std::vector<double> count;  ///< [batch]
};

/// floor: [parameter] of rounding_floor(). weights: [parameter], or empty for no Fisher-weighted trace.
/// Cost O(batches x parameters) time, O(batches + parameters) memory.
VarianceStatistics variance_statistics(const BatchMoments& moments, const std::vector<Block>& blocks, std::span<const double> floor,
                                       std::span<const double> weights);

}  // namespace variscope::diagnostics
