/// Times of repeated calls: warm up, repeat until a time budget is spent, keep the order statistics.
#pragma once

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace variscope::benchmarks {

inline double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Seconds that this thread has been running. On a quiet machine as good as the wall clock for one thread's work; where others compile on
/// the same cores, the time they take is not in it. Costs a system call: for intervals of 10 us and more.
inline double thread_s() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Sorted seconds per call. The first calls warm up and are not in it.
struct Times {
  std::vector<double> seconds;
  [[nodiscard]] double best() const { return seconds.front(); }
  [[nodiscard]] double median() const { return seconds[seconds.size() / 2]; }
};

/// Thread time. Calls `body` at least `fewest` times and until `budget_s` has passed. A disturbed machine is answered by a longer budget,
/// and best().
template <class Body>
Times measure(Body&& body, double budget_s = 1.0, std::size_t fewest = 5, int warm_up = 1) {
  for (int i = 0; i < warm_up; ++i) body();
  Times times;
  const double end = now_s() + budget_s;
  do {
    const double start = thread_s();
    body();
    times.seconds.push_back(thread_s() - start);
  } while (times.seconds.size() < fewest || now_s() < end);
  std::sort(times.seconds.begin(), times.seconds.end());
  return times;
}

/// Makes the compiler believe that the memory behind p is read and changed.
inline void keep(const void* p) { asm volatile("" : : "g"(p) : "memory"); }

}  // namespace variscope::benchmarks
