/// `variscope run` of a study of fits.
#pragma once

#include "cluster/communicator/communicator.hpp"
#include "experiments/run/study_run.hpp"

namespace variscope::experiments {

/// plan -> data -> optima -> fits, rank by rank and thread by thread -> segments -> run.h5 -> report. Returns the exit status.
int run_fit_study(const SessionOptions& options, const cluster::Communicator& world, Plan plan);

}  // namespace variscope::experiments
