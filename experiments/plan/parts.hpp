/// The cells of a study dealt out to jobs of their own.
#pragma once

#include <vector>

#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// Work that is predicted for a cell, and for the reference path that cells share: rows (of a model without data, coordinates) times
/// columns evaluated. From the plan's counts alone, so that every process that plans the study finds the same.
double cell_work(const Plan& plan, const CellPlan& cell);
double path_work(const Plan& plan, const PathPlan& path);

/// [cell] which of `parts` works on it: the heaviest cell first, each to the part that is then least loaded, paths that the part does not
/// have yet included; no part is left without a cell. Decides no bit. Throws UserError if there are more parts than cells.
/// Source: R. L. Graham, Bounds on multiprocessing timing anomalies, SIAM J. Appl. Math. 17 (1969), rule LPT.
std::vector<Index> deal_cells(const Plan& plan, Index parts);

}  // namespace variscope::experiments
