/// mpiexec of MPICH and its descendants (the Hydra process manager).
#include <fmt/format.h>

#include "cluster/launchers/launcher.hpp"

namespace variscope::cluster {
namespace {

Words command(const Resources& r) {
  return {"mpiexec",
          "-n",
          std::to_string(r.ranks()),
          "-ppn",
          std::to_string(r.tasks_per_node),
          "-bind-to",
          fmt::format("core:{}", r.cpus_per_task)};
}

}  // namespace

LauncherEntry mpiexec_entry() {
  return {"mpiexec", "MPICH's launcher (Hydra)", "MPICH wiki, Using the Hydra Process Manager", command, {}};
}

}  // namespace variscope::cluster
