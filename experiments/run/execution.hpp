/// What every rank did, gathered for run.h5's /execution.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cluster/communicator/communicator.hpp"
#include "engine/data/table.hpp"
#include "engine/store/run_file.hpp"
#include "experiments/run/work.hpp"

namespace variscope::experiments {

/// Counts, data held, messages and seconds of every rank, then `more`. Complete on every rank. Collective.
store::ExecutionTable execution_table(const cluster::Communicator& world, const std::vector<data::Table>& tables, const Work& work,
                                      const std::vector<std::pair<std::string, double>>& more);

}  // namespace variscope::experiments
