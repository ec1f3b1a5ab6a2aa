/// Table T1r: at which rate the variance of one call falls with its number of samples.
#pragma once

#include <vector>

#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// Of every group of three or more cells, the same in all but `estimators.samples`; one section a point. rate: slope of log tr Var against
/// log M, least squares with equal weights. Cells of a group share random numbers (streams are keyed by replicate and sample, not by cell),
/// so that rates are jackknifed over common batches; estimators whose batches differ, whose variance is zero somewhere, that failed a bias
/// gate or are declared biased, are left out, and so are importance-weighted bounds, which M changes. No sections if there is no such
/// group. Cost O(cells x points x estimators x batches x parameters).
Table t1r(const std::vector<CellSummary>& cells, const ReportContext& context);

}  // namespace variscope::experiments
