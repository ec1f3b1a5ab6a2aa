/// Figures of a study of fits.
#pragma once

#include <vector>

#include "experiments/report/chart.hpp"
#include "experiments/report/fit_summaries.hpp"
#include "experiments/report/summaries.hpp"

namespace variscope::experiments {

/// "gap_evaluations" and "gap_seconds": optimum minus objective along the fits, mean over repeats with 95 % intervals, a panel per
/// problem, or for each estimator of it where there are many settings. Diverged fits are left out; steps whose gap is not positive are in
/// the data, but not drawn.
std::vector<Figure> fit_figures(const std::vector<FitProblem>& problems, const ReportContext& context);

}  // namespace variscope::experiments
