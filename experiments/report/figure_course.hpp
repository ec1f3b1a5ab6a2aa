/// Figures of what a fit does on its way: parameters against steps, particles in frames.
#pragma once

#include <vector>

#include "experiments/report/chart.hpp"
#include "experiments/report/fit_summaries.hpp"
#include "experiments/report/summaries.hpp"

namespace variscope::experiments {

/// Means and standard deviations of mean-field approximations of few coordinates at the recorded steps, a panel for each, a line for each
/// estimator and setting (their first repeat that did not diverge); none where there is none.
std::vector<Figure> course_figures_of(const std::vector<FitProblem>& problems, const ReportContext& context);

/// Particles of the first repeat at up to six recorded steps, the axes being the model's first two coordinates; none where there are none.
std::vector<Figure> particle_figures_of(const std::vector<FitProblem>& posteriors, const ReportContext& context);

}  // namespace variscope::experiments
