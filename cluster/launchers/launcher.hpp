/// What starts the ranks inside a job. One file each.
#pragma once

#include <string>
#include <vector>

#include "cluster/schedulers/job.hpp"

namespace variscope::cluster {

struct LauncherEntry {
  std::string name;
  std::string summary;
  std::string source;  ///< manual that the options are from
  /// The launcher and its options, binding stated; the program follows.
  Words (*command)(const Resources& resources);
  /// Variables that it needs, beyond OpenMP's.
  std::vector<std::pair<std::string, std::string>> environment;
};

const std::vector<LauncherEntry>& launchers();
/// nullptr if there is none of this name.
const LauncherEntry* find_launcher_entry(const std::string& name);

LauncherEntry srun_entry();
LauncherEntry mpirun_entry();
LauncherEntry mpiexec_entry();
LauncherEntry jsrun_entry();
LauncherEntry flux_run_entry();
LauncherEntry none_entry();

}  // namespace variscope::cluster
