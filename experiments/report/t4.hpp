/// Table T4: how near to the optimum fits came, and at what cost.
#pragma once

#include "experiments/report/fit_summaries.hpp"
#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// A section for each problem, a row for each estimator and setting.
Table t4(const std::vector<FitProblem>& problems, const ReportContext& context);

}  // namespace variscope::experiments
