/// No launcher: the program itself is the only rank.
#include "cluster/launchers/launcher.hpp"

#include "engine/error.hpp"

namespace variscope::cluster {
namespace {

Words command(const Resources& r) {
  if (r.ranks() > 1) throw UserError("launcher 'none': starts one rank alone. Use another launcher, or one node and one task.");
  return {};
}

}  // namespace

LauncherEntry none_entry() { return {"none", "No launcher: one rank", "", command, {}}; }

}  // namespace variscope::cluster
