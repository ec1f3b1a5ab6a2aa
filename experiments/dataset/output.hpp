/// What the commands that write a data file have in common: checks before, cleaning up after.
#pragma once

#include <string>

namespace variscope::experiments::detail {

/// UserError if the name does not end in .h5 or .hdf5, its directory is missing, or it exists and may not be overwritten.
void check_output(const std::string& output, bool overwrite);

/// Removes the unfinished file beside `output`; never throws.
void discard_unfinished(const std::string& output) noexcept;

}  // namespace variscope::experiments::detail
