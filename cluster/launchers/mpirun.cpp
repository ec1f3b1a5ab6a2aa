/// mpirun of Open MPI 4, which finds the hosts of Slurm, PBS, LSF and SGE by itself.
#include <fmt/format.h>

#include "cluster/launchers/launcher.hpp"

namespace variscope::cluster {
namespace {

Words command(const Resources& r) {
  return {"mpirun",    "-n",  std::to_string(r.ranks()), "--map-by", fmt::format("ppr:{}:node:PE={}", r.tasks_per_node, r.cpus_per_task),
          "--bind-to", "core"};
}

}  // namespace

LauncherEntry mpirun_entry() {
  // A second is what Open MPI leaves between TERM and KILL by default: too little for a checkpoint.
  return {"mpirun", "Open MPI's launcher", "mpirun(1), Open MPI 4.1", command, {{"OMPI_MCA_odls_base_sigkill_timeout", "60"}}};
}

}  // namespace variscope::cluster
