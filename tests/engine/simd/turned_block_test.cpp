/// Turned blocks: the transpose of every run of samples at every place, and loads and stores that stop where they should.
#include "engine/simd/turned_block.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace variscope::simd {
namespace {

TEST(TurnedBlockTest, PacksAreSamplesWhereverTheyLie) {
  constexpr Index kDim = 11;
  tiles::Batch batch(kDim, 29);
  for (Index s = 0; s < batch.count(); ++s) {
    for (Index d = 0; d < kDim; ++d) batch(d, s) = static_cast<double>(100 * s + d);
  }
  TurnedBlock turned;
  for (Index first = 0; first < batch.count(); ++first) {
    for (Index last = first; last <= std::min(first + tiles::kLanes, batch.count()); ++last) {
      for (Index row = 0; row < kDim; ++row) {
        turned.take(batch.view(), row, first, last);
        for (Index i = 0; i < last - first; ++i) {
          for (Index lane = 0; lane < kWidth; ++lane)
            ASSERT_EQ(turned[i][lane], static_cast<double>(100 * (first + i) + std::min(row + lane, kDim - 1)));
        }
      }
    }
  }
}

TEST(TurnedBlockTest, LoadsAndStoresStopAtTheLastCoordinate) {
  for (Index live = 1; live < 2 * kWidth; ++live) {
    const Index inside = std::min<Index>(live, kWidth);
    const std::vector<double> from(static_cast<std::size_t>(inside), 3.0);  // reading behind it would be seen by the address sanitizer
    std::vector<double> to(static_cast<std::size_t>(inside + 1), 5.0);
    const Pack pack = load_live(from.data(), live);
    for (Index i = 0; i < kWidth; ++i) EXPECT_EQ(pack[i], i < inside ? 3.0 : 1.0);
    store_live(to.data(), pack, live);
    for (Index i = 0; i <= inside; ++i) EXPECT_EQ(to[static_cast<std::size_t>(i)], i < inside ? 3.0 : 5.0);
  }
}

}  // namespace
}  // namespace variscope::simd
