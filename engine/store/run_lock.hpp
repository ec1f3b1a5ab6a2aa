/// A lock file that says who holds a directory: host, process and when that process began; its date says that the holder lives.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

namespace variscope::store {

/// What to do about another process's lock. A lock of a dead process on this host is stale and always removed.
enum class ForeignLock {
  respect,   ///< refuse at once
  wait,      ///< a lock of another host is stale once its holder has not dated it for LockTimes::stale; refuse as soon as it does
  take_over  ///< remove it, whoever holds it
};

/// A holder dates its lock every `beat`. Both as hosts measure spans, so that no clocks are compared but the file server's own.
struct LockTimes {
  std::chrono::milliseconds beat{10000};
  std::chrono::milliseconds stale{60000};
};

/// Held from construction to destruction. Created with O_EXCL, so that one of many gets it, on network file systems too.
class RunLock {
 public:
  /// Throws UserError naming the holder if the lock is taken. Waits up to times.stale if `foreign` says so.
  RunLock(std::filesystem::path file, ForeignLock foreign, LockTimes times = {});
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  ~RunLock();

  /// Throws SystemError if the lock is no longer ours: another process has taken the directory over, or someone removed it.
  void require_held() const;

 private:
  void beat(std::chrono::milliseconds every);

  std::filesystem::path file_;
  std::string text_;
  std::mutex mutex_;
  std::condition_variable leaving_;
  bool done_ = false;
  std::thread heart_;
};

/// Who holds a lock: "process 12 on host a"; empty if nobody does, or a process of this host that is dead.
[[nodiscard]] std::string lock_holder(const std::filesystem::path& file);

}  // namespace variscope::store
