/// Models whose evaluations can fail: how often they did, and why first.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "engine/index.hpp"

namespace variscope::models {

/// What a model is besides, if columns that were evaluated may have thrown, or not been finite, where that is not the density's own doing.
/// Such a column has value -infinity, and nothing else is disturbed. Counting is thread-safe.
class Fallible {
 public:
  /// Columns that failed, all threads together, evaluations for the sake of timing included.
  [[nodiscard]] Index failures() const { return failures_; }
  /// What the first was about; empty if there is none.
  [[nodiscard]] std::string first_failure() const {
    const std::lock_guard<std::mutex> lock(guard_);
    return first_;
  }

 protected:
  Fallible() = default;
  ~Fallible() = default;
  Fallible(const Fallible&) = delete;
  Fallible& operator=(const Fallible&) = delete;
  void fail(const std::string& why) const {
    if (failures_++ > 0) return;
    const std::lock_guard<std::mutex> lock(guard_);
    if (first_.empty()) first_ = why;
  }

 private:
  mutable std::mutex guard_;
  mutable std::string first_;
  mutable std::atomic<Index> failures_ = 0;
};

}  // namespace variscope::models
