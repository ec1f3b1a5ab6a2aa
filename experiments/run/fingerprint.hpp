/// Whether data are those that a run was begun with: a fingerprint that costs the same for files of any size.
#pragma once

#include <string>

#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// For every data file its name, its size, and a SHA-256 of 64 blocks of 64 KiB spread evenly over it (all of a file that is smaller).
/// A changed number in a file of gigabytes may escape it; a file that was made again with other content does not.
std::string fingerprint(const Plan& plan);

/// A path's bytes as ASCII text and back: "%XX" for everything that is not printable ASCII, and for '%'.
std::string escape_bytes(const std::string& bytes);
std::string unescape_bytes(const std::string& text);

}  // namespace variscope::experiments
