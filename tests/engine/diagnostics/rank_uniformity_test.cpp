/// The exact test of uniform ranks: by enumeration where that is possible, by its false alarms elsewhere.
#include "engine/diagnostics/rank_uniformity.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "engine/random/stream.hpp"

namespace variscope {
namespace {

using diagnostics::rank_uniformity;

// All 3^4 outcomes of four ranks in 0 .. 2: the p-value of an outcome is the probability of statistics as small, which sorting them shows.
TEST(RankUniformity, IsExactByEnumeration) {
  std::vector<double> p_values;
  for (Index code = 0; code < 81; ++code) {
    const std::vector<Index> ranks = {code % 3, code / 3 % 3, code / 9 % 3, code / 27};
    p_values.push_back(rank_uniformity(ranks, 2));
  }
  for (const double p : p_values) {
    double as_small = 0;
    for (const double other : p_values) as_small += other <= p + 1e-12 ? 1.0 / 81 : 0;
    EXPECT_NEAR(p, as_small, 1e-9);
  }
}

double draw(std::uint32_t sample, std::uint32_t k) { return random::uniform({7, random::Purpose::testing, 6, sample, k}, 0); }

// Of 1000 samples of 100 uniform ranks the test rejects a share of a = 5 % or a little less: binomial with a standard deviation of 7 about
// 50 at the most. Six of them: 1e-9.
TEST(RankUniformity, KeepsItsFalseAlarms) {
  int alarms = 0;
  for (std::uint32_t sample = 0; sample < 1000; ++sample) {
    std::vector<Index> ranks;
    for (std::uint32_t k = 0; k < 100; ++k) ranks.push_back(static_cast<Index>(100 * draw(sample, k)));
    alarms += rank_uniformity(ranks, 99) <= 0.05 ? 1 : 0;
  }
  EXPECT_LT(alarms, 92);
  EXPECT_GT(alarms, 15);
}

// 400 ranks with density 2 |2 v - 1| at v, what draws that are too narrow make, and with 1 / (2 sqrt(v)), what a shift makes.
TEST(RankUniformity, FindsRanksThatCrowd) {
  for (std::uint32_t sample = 0; sample < 40; ++sample) {
    std::vector<Index> ends;
    std::vector<Index> side;
    for (std::uint32_t k = 0; k < 400; ++k) {
      const double u = draw(sample, k);
      ends.push_back(static_cast<Index>(100 * (0.5 + 0.5 * std::copysign(std::sqrt(std::abs(2 * u - 1)), 2 * u - 1))));
      side.push_back(static_cast<Index>(100 * u * u));
    }
    EXPECT_LT(rank_uniformity(ends, 99), 1e-3) << sample;
    EXPECT_LT(rank_uniformity(side, 99), 1e-3) << sample;
  }
}

TEST(RankUniformity, RefusesRanksOutOfRange) {
  EXPECT_EQ(rank_uniformity({}, 9), 1);
  EXPECT_THROW((void)rank_uniformity(std::vector<Index>{10}, 9), std::invalid_argument);
  EXPECT_THROW((void)rank_uniformity(std::vector<Index>{-1}, 9), std::invalid_argument);
}

}  // namespace
}  // namespace variscope
