/// Table T6: how well the posteriors that fits ended in predict rows.
#pragma once

#include "experiments/report/fit_summaries.hpp"
#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// A section for each posterior and part of the rows that has responses, a row for each estimator or method and setting, whatever they
/// approximate it by. posteriors: of summarise_posteriors(), as T5. Empty where nothing is predicted.
Table t6(const std::vector<FitProblem>& posteriors, const ReportContext& context);

}  // namespace variscope::experiments
