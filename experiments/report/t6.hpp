/// Table T6: how well the posteriors that fits ended in predict rows.
#pragma once

#include "experiments/report/fit_summaries.hpp"
#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// A section for each problem and part of the rows that has responses, a row for each estimator and setting. Empty where nothing is
/// predicted.
Table t6(const std::vector<FitProblem>& problems, const ReportContext& context);

}  // namespace variscope::experiments
