/// Warm-up windows against Stan's own bookkeeping, written out as it stands there.
#include "engine/samplers/windows.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace variscope {
namespace {

/// windowed_adaptation.hpp of Stan 2.32: counters that move.
struct StanWindows {
  explicit StanWindows(Index num_warmup) {
    if (num_warmup < 20) return;
    warmup = num_warmup;
    if (first + base + last > num_warmup) {
      first = static_cast<Index>(0.15 * static_cast<double>(num_warmup));
      last = static_cast<Index>(0.1 * static_cast<double>(num_warmup));
      base = num_warmup - (first + last);
    }
    size = base;
    next = first + base - 1;
  }
  [[nodiscard]] bool learns() const { return counter >= first && counter < warmup - last && counter != warmup; }
  [[nodiscard]] bool ends() const { return counter == next && counter != warmup; }
  void compute_next() {
    if (next == warmup - last - 1) return;
    size *= 2;
    next = counter + size;
    if (next == warmup - last - 1) return;
    if (next + 2 * size >= warmup - last) next = warmup - last - 1;
  }
  Index warmup = 0, counter = 0, first = 75, base = 25, last = 50, size = 0, next = 0;
};

TEST(Windows, AreThoseOfStan) {
  for (Index warmup = 0; warmup <= 3000; warmup += warmup < 400 ? 1 : 37) {
    StanWindows stan(warmup);
    for (Index iteration = 0; iteration < warmup; ++iteration) {
      const samplers::Window window = samplers::window_at(iteration, warmup);
      ASSERT_EQ(window.learns, stan.learns()) << iteration << " of " << warmup;
      ASSERT_EQ(window.ends, stan.learns() && stan.ends()) << iteration << " of " << warmup;
      if (stan.ends()) stan.compute_next();
      ++stan.counter;
    }
    EXPECT_FALSE(samplers::window_at(warmup, warmup).learns);
  }
}

TEST(Windows, EndAsDocumentedForAThousandIterations) {
  std::vector<Index> ends;
  for (Index iteration = 0; iteration < 1000; ++iteration) {
    if (samplers::window_at(iteration, 1000).ends) ends.push_back(iteration);
  }
  // 75 | 25 50 100 200 500 | 50: Stan reference manual, section "HMC algorithm parameters".
  EXPECT_EQ(ends, (std::vector<Index>{99, 149, 249, 449, 949}));
}

}  // namespace
}  // namespace variscope
