/// Figure of posterior predictive bands against a covariate.
#pragma once

#include <vector>

#include "experiments/report/chart.hpp"
#include "experiments/report/fit_summaries.hpp"
#include "experiments/report/summaries.hpp"

namespace variscope::experiments {

/// "predictive": median, 50, 90 and 95 % bands of the first repeat that converged against the named covariate, a panel for each estimator
/// and setting of each problem, over the rows of a grid or else over the kept rows sorted by the covariate; responses as points. Empty
/// where no covariate is named or no row is kept.
std::vector<Figure> predictive_figures_of(const std::vector<FitProblem>& problems, const ReportContext& context);

}  // namespace variscope::experiments
