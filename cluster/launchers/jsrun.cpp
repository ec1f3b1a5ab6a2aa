/// jsrun: the launcher of LSF machines with IBM Job Step Manager. A resource set holds one rank.
#include <fmt/format.h>

#include "cluster/launchers/launcher.hpp"

namespace variscope::cluster {
namespace {

Words command(const Resources& r) {
  return {
      "jsrun", "--nrs",        std::to_string(r.ranks()),       "--rs_per_host", std::to_string(r.tasks_per_node),         "--tasks_per_rs",
      "1",     "--cpu_per_rs", std::to_string(r.cpus_per_task), "--bind",        fmt::format("packed:{}", r.cpus_per_task)};
}

}  // namespace

LauncherEntry jsrun_entry() { return {"jsrun", "IBM Job Step Manager's launcher", "jsrun(1), IBM Spectrum LSF JSM 10.3", command, {}}; }

}  // namespace variscope::cluster
