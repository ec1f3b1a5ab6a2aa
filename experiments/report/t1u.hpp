/// Table T1u: by how much the variance of gradients over all rows understates that of gradients over a minibatch.
#pragma once

#include <vector>

#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// Of every cell with minibatches for which another cell, the same in all but `estimators.batch_rows`, used all rows; one section a point
/// that both have. Estimators that failed a bias gate, or are declared biased, are left out. No sections if there is no such pair.
/// Both cells draw the same sample noise in each replicate (streams are keyed by seed, point and replicate, not by cell), so that the
/// ratio at a point is jackknifed over common batches; ratios of two points are those of independent replicates.
/// Cost O(pairs x points x estimators x batches x parameters).
Table t1u(const std::vector<CellSummary>& cells, const ReportContext& context);

}  // namespace variscope::experiments
