/// What `variscope --version` prints, and what a run file says about the program.
#pragma once

#include <map>
#include <string>

namespace variscope::experiments {

/// "variscope 0.1.0 (git 1a2b3c4d, modified)"
std::string version_text();

/// Version, revision, compiler, flags and libraries, by key.
std::map<std::string, std::string> build_provenance();

}  // namespace variscope::experiments
