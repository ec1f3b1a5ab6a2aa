/// `variscope run` of a study of fits.
#pragma once

#include "cluster/communicator/communicator.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// plan -> data -> optima -> fits, rank by rank and thread by thread -> segments -> run.h5 -> report. Returns the exit status.
int run_fit_study(const RunOptions& options, const cluster::Communicator& world, Plan plan);

}  // namespace variscope::experiments
