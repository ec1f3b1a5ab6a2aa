/// A run's directory, held by one process at a time: run.h5, MANIFEST, segments/, lock.
#pragma once

#include <filesystem>
#include <optional>

#include "engine/index.hpp"
#include "engine/store/run_lock.hpp"

namespace variscope::store {

/// What to do about a record that is already there.
enum class Existing {
  refuse,     ///< UserError if run.h5 or MANIFEST exists
  overwrite,  ///< remove what variscope wrote, nothing else
  resume,     ///< keep the committed segments, remove the rest; UserError if run.h5 exists (the run is complete)
};

/// Created and locked by one process (rank 0) for the whole run; the others use its paths. The lock goes with the object.
class RunDirectory {
 public:
  /// Creates the directory and segments/, takes the lock, and checks that files can be written and that `predicted_bytes` fit.
  /// Throws UserError with the figures otherwise, before anything is removed.
  RunDirectory(std::filesystem::path path, Existing existing, Index predicted_bytes, ForeignLock foreign = ForeignLock::respect);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path run_file() const { return path_ / "run.h5"; }

  /// Once run.h5 is written: removes MANIFEST, then all segments.
  void remove_segments();

 private:
  std::filesystem::path path_;
  std::optional<RunLock> lock_;
};

}  // namespace variscope::store
