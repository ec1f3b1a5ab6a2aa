/// Undoing the directories of a refused run.
#include "experiments/run/output.hpp"

#include <system_error>
#include <vector>

namespace variscope::experiments {

std::unique_ptr<store::RunDirectory> open_run_directory(const std::filesystem::path& path, bool overwrite, Index predicted_bytes) {
  std::error_code ignored;
  std::vector<std::filesystem::path> made;
  for (auto below = path / "segments"; !below.empty() && !std::filesystem::exists(below, ignored); below = below.parent_path())
    made.push_back(below);
  try {
    return std::make_unique<store::RunDirectory>(path, overwrite ? store::Existing::overwrite : store::Existing::refuse, predicted_bytes);
  } catch (...) {
    // The deepest come first; what is not empty stays.
    for (const auto& directory : made) std::filesystem::remove(directory, ignored);
    throw;
  }
}

}  // namespace variscope::experiments
