/// What one rank has done so far: evaluations counted in the kernels, and where the seconds went.
#pragma once

#include <chrono>

#include "engine/models/model.hpp"

namespace variscope::experiments {

struct Work {
  models::Counts counts;
  double kernel_s = 0;         ///< inside model evaluations
  double draw_s = 0;           ///< noise, minibatch rows, positions
  double estimator_s = 0;      ///< partial sums and gradients
  double communication_s = 0;  ///< folds across ranks and broadcasts, waiting included

  /// Adds what one of `sharers` threads did at the same time: work adds up, seconds are their mean.
  void add(const Work& other, int sharers) {
    counts += other.counts;
    kernel_s += other.kernel_s / sharers;
    draw_s += other.draw_s / sharers;
    estimator_s += other.estimator_s / sharers;
    communication_s += other.communication_s / sharers;
  }
};

/// Seconds since construction or the last lap.
class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }
  /// The same without a lap.
  [[nodiscard]] double passed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - last_).count(); }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace variscope::experiments
