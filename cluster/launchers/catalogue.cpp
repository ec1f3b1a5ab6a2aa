/// The launchers that sites can name. A launcher is one file and one line here.
#include "cluster/launchers/launcher.hpp"

namespace variscope::cluster {

const std::vector<LauncherEntry>& launchers() {
  static const std::vector<LauncherEntry> entries = {srun_entry(),  mpirun_entry(),   mpiexec_entry(),
                                                     jsrun_entry(), flux_run_entry(), none_entry()};
  return entries;
}

const LauncherEntry* find_launcher_entry(const std::string& name) {
  for (const LauncherEntry& entry : launchers()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace variscope::cluster
