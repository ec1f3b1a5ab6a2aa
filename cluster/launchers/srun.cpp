/// srun: Slurm's own launcher, over PMIx.
#include <fmt/format.h>

#include "cluster/launchers/launcher.hpp"

namespace variscope::cluster {
namespace {

/// Everything is said again: from Slurm 22.05 a step does not inherit --cpus-per-task, and without --kill-on-bad-exit the ranks that are
/// left wait for a dead one until the wall time ends.
Words command(const Resources& r) {
  return {"srun",
          "--mpi=pmix",
          fmt::format("--nodes={}", r.nodes),
          fmt::format("--ntasks={}", r.ranks()),
          fmt::format("--ntasks-per-node={}", r.tasks_per_node),
          fmt::format("--cpus-per-task={}", r.cpus_per_task),
          "--cpu-bind=cores",
          "--kill-on-bad-exit=1"};
}

}  // namespace

LauncherEntry srun_entry() {
  return {"srun", "Slurm's launcher, over PMIx (Open MPI 4 and 5, MPICH built with PMIx)", "srun(1), Slurm 22.05", command, {}};
}

}  // namespace variscope::cluster
