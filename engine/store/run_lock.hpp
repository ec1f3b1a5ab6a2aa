/// A lock file that says who holds a directory: host, process and when that process began.
#pragma once

#include <filesystem>
#include <string>

namespace variscope::store {

/// What to do about another process's lock. A lock of a dead process on this host is stale and always removed.
enum class ForeignLock { respect, take_over };

/// Held from construction to destruction. Created with O_EXCL, so that one of many gets it, on network file systems too.
class RunLock {
 public:
  /// Throws UserError naming the holder if the lock is taken.
  RunLock(std::filesystem::path file, ForeignLock foreign);
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  ~RunLock();

 private:
  std::filesystem::path file_;
  std::string text_;
};

}  // namespace variscope::store
