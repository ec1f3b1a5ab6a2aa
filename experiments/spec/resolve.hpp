/// Paths that a spec implies.
#pragma once

#include <string>

#include "experiments/spec/settings.hpp"

namespace variscope::experiments {

/// The directory that relative paths in a spec (data.file) start from: where the spec lies. "." for a bare name.
std::string spec_directory(const std::string& spec_file);

/// Where a run of this study goes: output.directory, seen from the working directory, or runs/<study.name>.
std::string output_directory(const Settings& settings);

}  // namespace variscope::experiments
