/// What fits are held against: the optimum of their problem, and moments of the posterior.
#pragma once

#include "engine/fit_record.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/work.hpp"

namespace variscope::experiments {

/// The optimum, where `exact` says that the problem of a path has an exact objective (L-BFGS from the start of the fits), and reference
/// moments as the spec wants them. The same bits on all ranks. Collective over `whole`.
FitTarget find_target(const PathPlan& path, const models::Model& model, const DataPlan* data, bool exact, const cluster::Team& whole,
                      cluster::Reduce reduce, int threads, Work& work);

}  // namespace variscope::experiments
