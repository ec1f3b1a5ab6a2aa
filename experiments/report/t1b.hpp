/// Table T1b: estimators that are declared biased, by mean squared error.
#pragma once

#include <vector>

#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// Of all cells, importance-weighted bounds included; no sections if no estimator is declared biased.
Table t1b(const std::vector<CellSummary>& cells, const ReportContext& context);

}  // namespace variscope::experiments
