/// status.json of a run directory: how far the run is and how it was left, for people, schedulers and scripts. The manifest is the truth.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "engine/index.hpp"

namespace variscope::experiments {

struct RunStatus {
  std::string state;   ///< "running", "finishing", "paused" (asked to stop: resume it), "failed", "finished", "committed" (a part of a
                       ///< study: so far it goes)
  std::string reason;  ///< of pausing or failing
  std::string updated;
  std::string last_checkpoint;
  Index checkpoint = 0;
  std::string unit;
  double done = 0;
  double total = 0;
  double seconds_left = -1;  ///< negative: unknown
  int ranks = 1;
  int threads = 1;
  std::string hosts;  ///< by commas
  std::string hash;   ///< results hash of a finished run

  /// What the program exits with: 0, 1 or 85; -1 while it runs.
  [[nodiscard]] int exit_status() const;
};

/// Written beside and renamed. Says nothing if it cannot be: a status is no reason to end a run.
void write_status(const std::filesystem::path& run, const RunStatus& status);
/// Empty if there is none that can be read.
[[nodiscard]] std::optional<RunStatus> read_status(const std::filesystem::path& run);

}  // namespace variscope::experiments
