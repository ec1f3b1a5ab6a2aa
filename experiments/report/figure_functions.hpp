/// Figure of functions under single draws of the parameters.
#pragma once

#include <vector>

#include "experiments/report/chart.hpp"
#include "experiments/report/fit_summaries.hpp"
#include "experiments/report/summaries.hpp"

namespace variscope::experiments {

/// "functions": the mean response along the grid under each of the first draws (predictive.functions of them) of the first repeat that
/// converged, a line each, a panel for each method and setting; training rows that were kept as points. Draws of method prior show what is
/// believed before any data, draws of an approximation what is left of it. Empty where no functions are kept.
std::vector<Figure> function_figures_of(const std::vector<FitProblem>& problems, const ReportContext& context);

}  // namespace variscope::experiments
