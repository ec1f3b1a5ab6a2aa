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
  resume,     ///< keep the committed segments, remove the rest; UserError if run.h5 is complete (is_complete)
};

/// Created and locked by one process (rank 0) for the whole run; the others use its paths. The lock goes with the object.
class RunDirectory {
 public:
  /// Creates the directory and segments/, takes the lock, and checks that files can be written and that `predicted_bytes` fit.
  /// Throws UserError with the figures otherwise, before anything is removed. A lock that is all that is there (its node died before the
  /// first checkpoint) is judged as that of a run to resume: respect is then wait.
  RunDirectory(std::filesystem::path path, Existing existing, Index predicted_bytes, ForeignLock foreign = ForeignLock::respect,
               LockTimes times = {});

  /// Throws SystemError if another process has taken the directory over: to be called before every commit.
  void require_held() const { lock_->require_held(); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path run_file() const { return path_ / "run.h5"; }

  /// Once run.h5 is written.
  void remove_segments();

 private:
  std::filesystem::path path_;
  std::optional<RunLock> lock_;
};

/// Key of Manifest::state: the results hash of the run.h5 that a run goes on from to more of the same. Such a run.h5 is not its end.
inline constexpr const char* extended_hash_key = "extends";

/// Removes the manifests of a run, then all its segments. Needs the directory's lock, and a run.h5 that holds what they held.
void remove_segments(const std::filesystem::path& run);

/// Whether a directory holds a run.h5 that is the end of its run: it opens, its results match their hash, and no manifest extends it.
[[nodiscard]] bool is_complete(const std::filesystem::path& run);

}  // namespace variscope::store
