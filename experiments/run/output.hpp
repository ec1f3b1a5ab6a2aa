/// The run directory of a new run, opened so that a refusal leaves nothing behind.
#pragma once

#include <filesystem>
#include <memory>

#include "engine/store/run_directory.hpp"

namespace variscope::experiments {

/// As RunDirectory's constructor; directories that it has made before it refused are removed.
std::unique_ptr<store::RunDirectory> open_run_directory(const std::filesystem::path& path, bool overwrite, Index predicted_bytes);

}  // namespace variscope::experiments
