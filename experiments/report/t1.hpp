/// Tables T1: the variance of every unbiased estimator at every point of every cell; T1i: the same of importance-weighted bounds.
#pragma once

#include <vector>

#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// Cells of importance-weighted bounds left out; no sections if there are no others. No variance is shown for an estimator that failed its
/// bias gate: its cells say "biased". Estimators that are declared biased are left out with a note.
Table t1(const std::vector<CellSummary>& cells, const ReportContext& context);

/// Importance-weighted bounds alone, another objective: signal-to-noise first.
Table t1i(const std::vector<CellSummary>& cells, const ReportContext& context);

}  // namespace variscope::experiments
