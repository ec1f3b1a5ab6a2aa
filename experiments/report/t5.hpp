/// Table T5: how good the posterior approximations are that fits ended in.
#pragma once

#include "experiments/report/fit_summaries.hpp"
#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// A section for each problem, a row for each estimator and setting; all variables together.
Table t5(const std::vector<FitProblem>& problems, const ReportContext& context);
/// The same variable by variable, where a reference is known or variables are few; empty otherwise.
Table t5_variables(const std::vector<FitProblem>& problems, const ReportContext& context);
/// Correlations of the variables, pair by pair, where they are few; empty otherwise.
Table t5_correlations(const std::vector<FitProblem>& problems, const ReportContext& context);

}  // namespace variscope::experiments
