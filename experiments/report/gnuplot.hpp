/// Runs gnuplot.
#pragma once

#include <string>

namespace variscope::experiments {

/// Runs gnuplot on script_file inside directory; picture: the file it shall draw, or "" for the script's own. Returns an empty text, or
/// what went wrong and what to do.
std::string run_gnuplot(const std::string& directory, const std::string& script_file, const std::string& picture = "");

}  // namespace variscope::experiments
