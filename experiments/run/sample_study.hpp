/// `variscope run` of a study of kind "sample".
#pragma once

#include "cluster/communicator/communicator.hpp"
#include "experiments/run/study_run.hpp"

namespace variscope::experiments {

/// Runs the study on the ranks of `world`; rank 0 prints the report. Exit status.
int run_sample_study(const SessionOptions& options, const cluster::Communicator& world, Plan plan);

}  // namespace variscope::experiments
