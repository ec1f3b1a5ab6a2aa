/// Kernels and limits taken in turns, so that whatever disturbs the machine disturbs both: medians of times, and of ratios within a round.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "benchmarks/timing.hpp"

namespace variscope::benchmarks {

inline double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Thread time of one call.
template <class Body>
double seconds_of(Body&& body) {
  const double start = thread_s();
  body();
  return thread_s() - start;
}

/// Seconds of one thing per round.
class Series {
 public:
  void add(double seconds) { seconds_.push_back(seconds); }
  [[nodiscard]] bool empty() const { return seconds_.empty(); }
  [[nodiscard]] double last() const { return seconds_.back(); }
  [[nodiscard]] double median() const { return median_of(seconds_); }
  [[nodiscard]] double best() const { return *std::min_element(seconds_.begin(), seconds_.end()); }

  /// Median over rounds of this one's seconds / the other's.
  [[nodiscard]] double over(const Series& other) const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < seconds_.size(); ++i) ratios.push_back(seconds_[i] / other.seconds_[i]);
    return median_of(std::move(ratios));
  }

 private:
  std::vector<double> seconds_;
};

}  // namespace variscope::benchmarks
