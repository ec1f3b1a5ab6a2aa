/// A scheduler's command, run without a shell in a directory of its own choosing.
#pragma once

#include <string>

#include "cluster/schedulers/scheduler.hpp"

namespace variscope::experiments {

struct CommandOutcome {
  int status = -1;  ///< 127: no such program
  std::string output;
  std::string error;
};

/// Runs `command` in `directory` with our environment less the variables whose names begin with one of `unset`. Waits at most
/// `limit_seconds`, then ends it (status 124). Throws SystemError if no process can be made.
CommandOutcome run_command(const cluster::SchedulerCommand& command, const std::string& directory, const cluster::Words& unset,
                           double limit_seconds);

}  // namespace variscope::experiments
