/// The only file that includes the generated build_info.hpp.
#include "experiments/command/version.hpp"

#include <fmt/format.h>

#include "build_info.hpp"

namespace variscope::experiments {

std::string version_text() {
  return fmt::format("variscope {} (git {}{})", build_info::version, build_info::git_revision.substr(0, 12),
                     build_info::git_dirty ? ", modified" : "");
}

std::map<std::string, std::string> build_provenance() {
  std::map<std::string, std::string> p;
  p["version"] = build_info::version;
  p["git_revision"] = build_info::git_revision;
  p["git_modified"] = build_info::git_dirty ? "yes" : "no";
  p["compiler"] = build_info::compiler;
  p["build_type"] = build_info::build_type;
  p["compiler_flags"] = build_info::flags;
  std::string libraries;
  for (const auto& [name, version] : build_info::libraries)
    libraries += fmt::format("{}{} {}", libraries.empty() ? "" : ", ", name, version);
  p["libraries"] = libraries;
  return p;
}

}  // namespace variscope::experiments
