/// flux run: starts the ranks inside the instance that a Flux batch job is.
#include "cluster/launchers/launcher.hpp"

namespace variscope::cluster {
namespace {

Words command(const Resources& r) {
  return {"flux", "run",
          "-N",   std::to_string(r.nodes),
          "-n",   std::to_string(r.ranks()),
          "-c",   std::to_string(r.cpus_per_task),
          "-o",   "cpu-affinity=per-task"};
}

}  // namespace

LauncherEntry flux_run_entry() { return {"flux-run", "Flux's launcher", "flux-run(1), flux-core", command, {}}; }

}  // namespace variscope::cluster
