/// Minibatches: exact uniformity over all subsets, a broken twin that the same test catches, order, ownership.
#include "engine/data/minibatch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "engine/error.hpp"

namespace variscope::data {
namespace {

random::Stream stream_of(std::uint32_t replicate) { return {20240607, random::Purpose::testing, 3, replicate, 0}; }

/// p-value of Pearson's chi-square against equal probabilities of `cells` outcomes.
template <class Outcome>
double uniformity(const std::map<Outcome, int>& seen, std::size_t cells, int draws) {
  const double expected = static_cast<double>(draws) / static_cast<double>(cells);
  double statistic = expected * static_cast<double>(cells - seen.size());  // outcomes never seen
  for (const auto& [outcome, times] : seen) {
    const double difference = times - expected;
    statistic += difference * difference / expected;
  }
  const boost::math::chi_squared distribution(static_cast<double>(cells - 1));
  return boost::math::cdf(boost::math::complement(distribution, statistic));
}

std::size_t binomial(Index n, Index k) {
  std::size_t value = 1;
  for (Index i = 1; i <= k; ++i) value = value * static_cast<std::size_t>(n - k + i) / static_cast<std::size_t>(i);
  return value;
}

/// Floyd's algorithm as printed, over explicit draws.
std::vector<Index> floyd(Index rows, Index batch, const std::vector<Index>& draws) {
  std::set<Index> chosen;
  for (Index k = 0; k < batch; ++k) {
    const Index j = rows - batch + k;
    if (!chosen.insert(draws[static_cast<std::size_t>(k)]).second) chosen.insert(j);
  }
  return {chosen.begin(), chosen.end()};
}

TEST(MinibatchTest, FloydIsExactlyUniformByEnumeration) {
  // Every sequence of draws t_k in [0, rows - batch + k] is equally likely; each subset must come from equally many.
  for (const auto& [rows, batch] : std::vector<std::pair<Index, Index>>{{5, 2}, {6, 3}, {7, 1}, {6, 5}, {5, 5}, {8, 4}}) {
    std::map<std::vector<Index>, int> ways;
    std::vector<Index> draws(static_cast<std::size_t>(batch), 0);
    int sequences = 0;
    for (bool more = true; more;) {
      ++ways[floyd(rows, batch, draws)];
      ++sequences;
      more = false;
      for (Index k = 0; k < batch && !more; ++k) {  // the next sequence, as an odometer
        Index& t = draws[static_cast<std::size_t>(k)];
        more = t < rows - batch + k;
        t = more ? t + 1 : 0;
      }
    }
    EXPECT_EQ(ways.size(), binomial(rows, batch));
    for (const auto& [subset, count] : ways) EXPECT_EQ(static_cast<std::size_t>(count) * ways.size(), static_cast<std::size_t>(sequences));
  }
}

/// The rows that the reference makes of the very numbers the stream gives.
std::vector<Index> reference(const random::Stream& stream, Index rows, Index batch) {
  std::vector<Index> draws;
  for (Index k = 0; k < batch; ++k) {
    draws.push_back(
        static_cast<Index>(random::uniform_index(stream, static_cast<std::uint32_t>(k), static_cast<std::uint64_t>(rows - batch + k + 1))));
  }
  return floyd(rows, batch, draws);
}

TEST(MinibatchTest, IsFloydsAlgorithmForEverySize) {
  MinibatchScratch scratch;
  std::vector<Index> rows_drawn;
  std::uint32_t replicate = 0;
  // Both sets, bits for many rows of few and the hash table for few rows of many; the scratch is shared on purpose.
  for (const Index rows : {1, 2, 63, 64, 65, 1000, 5000, 1000000, 1000000000}) {
    for (const Index batch : {1, 2, 9, 64, 900, 4999}) {
      if (batch > rows) continue;
      draw_minibatch(stream_of(++replicate), rows, batch, Replacement::without, scratch, rows_drawn);
      ASSERT_EQ(rows_drawn, reference(stream_of(replicate), rows, batch)) << rows << " " << batch;
      EXPECT_EQ(rows_drawn, draw_minibatch(stream_of(replicate), rows, batch, Replacement::without));
    }
  }
}

TEST(MinibatchTest, SubsetsAreUniform) {
  // Fixed streams; the false-alarm rate of each of the three comparisons is 1e-4.
  const int draws = 40000;
  for (const auto& [rows, batch] : std::vector<std::pair<Index, Index>>{{5, 2}, {7, 3}, {9, 8}}) {
    std::map<std::vector<Index>, int> seen;
    for (int i = 0; i < draws; ++i) ++seen[draw_minibatch(stream_of(static_cast<std::uint32_t>(i)), rows, batch, Replacement::without)];
    EXPECT_GT(uniformity(seen, binomial(rows, batch), draws), 1e-4) << rows << " " << batch;
  }
}

TEST(MinibatchTest, BrokenTwinIsCaught) {
  // Where Floyd takes j, the twin takes the next free row: distinct rows all the same, but not uniform.
  const int draws = 40000;
  std::map<std::vector<Index>, int> seen;
  for (int i = 0; i < draws; ++i) {
    std::set<Index> chosen;
    for (std::uint32_t k = 0; k < 3; ++k) {
      auto t = static_cast<Index>(random::uniform_index(stream_of(static_cast<std::uint32_t>(i)), k, 4 + k + 1));
      while (!chosen.insert(t).second) t = (t + 1) % 7;
    }
    ++seen[{chosen.begin(), chosen.end()}];
  }
  EXPECT_LT(uniformity(seen, binomial(7, 3), draws), 1e-12);
}

TEST(MinibatchTest, WithReplacementDrawsAreIndependent) {
  // Sorting folds the 16 ordered pairs of 4 rows to 10: unequal rows come twice as often as equal ones.
  const int draws = 40000;
  std::map<std::vector<Index>, int> sorted_pairs;
  for (int i = 0; i < draws; ++i) ++sorted_pairs[draw_minibatch(stream_of(static_cast<std::uint32_t>(i)), 4, 2, Replacement::with)];
  double statistic = 0.0;
  ASSERT_EQ(sorted_pairs.size(), 10U);
  for (const auto& [pair, times] : sorted_pairs) {
    const double expected = draws * (pair[0] == pair[1] ? 1.0 : 2.0) / 16.0;
    statistic += (times - expected) * (times - expected) / expected;
  }
  // False-alarm rate 1e-4.
  EXPECT_LT(statistic, boost::math::quantile(boost::math::chi_squared(9.0), 1.0 - 1e-4));
}

TEST(MinibatchTest, EveryRowIsDrawnEquallyOften) {
  // Inclusion counts of 50 rows; false-alarm rate below 1e-4 for the largest of 50 normal deviates: |z| < 4.9.
  const int draws = 20000;
  std::vector<int> times(50, 0);
  for (int i = 0; i < draws; ++i) {
    for (const Index row : draw_minibatch(stream_of(static_cast<std::uint32_t>(i)), 50, 10, Replacement::without))
      ++times[static_cast<std::size_t>(row)];
  }
  const double sd = std::sqrt(draws * 0.2 * 0.8);
  for (const int count : times) EXPECT_LT(std::abs(count - draws * 0.2) / sd, 4.9);
}

TEST(MinibatchTest, SortedAndInRange) {
  for (const auto replacement : {Replacement::without, Replacement::with}) {
    const std::vector<Index> rows = draw_minibatch(stream_of(1), 1000003, 20000, replacement);
    ASSERT_EQ(rows.size(), 20000U);
    EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
    EXPECT_GE(rows.front(), 0);
    EXPECT_LT(rows.back(), 1000003);
    const bool repeats = std::adjacent_find(rows.begin(), rows.end()) != rows.end();
    EXPECT_EQ(repeats, replacement == Replacement::with);
  }
}

TEST(MinibatchTest, AllRowsAndNone) {
  std::vector<Index> all(100);
  std::iota(all.begin(), all.end(), Index{0});
  EXPECT_EQ(draw_minibatch(stream_of(1), 100, 100, Replacement::without), all);
  EXPECT_TRUE(draw_minibatch(stream_of(1), 100, 0, Replacement::without).empty());
  EXPECT_TRUE(draw_minibatch(stream_of(1), 0, 0, Replacement::with).empty());
}

TEST(MinibatchTest, RefusesWhatCannotBeDrawn) {
  EXPECT_THROW(draw_minibatch(stream_of(1), 10, 11, Replacement::without), UserError);
  EXPECT_THROW(draw_minibatch(stream_of(1), 10, -1, Replacement::with), UserError);
  EXPECT_THROW(draw_minibatch(stream_of(1), 0, 1, Replacement::with), UserError);
  EXPECT_EQ(draw_minibatch(stream_of(1), 10, 11, Replacement::with).size(), 11U);
}

TEST(MinibatchTest, OwnedPartsMakeUpTheBatchForAnyNumberOfRanks) {
  for (const auto replacement : {Replacement::without, Replacement::with}) {
    const std::vector<Index> batch = draw_minibatch(stream_of(2), 1000, 64, replacement);
    for (const Index ranks : {1, 2, 3, 16, 1000, 1500}) {
      std::vector<Index> joined;
      for (Index rank = 0; rank < ranks; ++rank) {
        // Every rank draws for itself and takes what it owns.
        const std::vector<Index> own = draw_minibatch(stream_of(2), 1000, 64, replacement);
        const Range held = balanced_range(1000, ranks, rank);
        for (const Index row : rows_in(own, held)) {
          EXPECT_TRUE(held.contains(row));
          joined.push_back(row);
        }
      }
      EXPECT_EQ(joined, batch) << ranks;
    }
  }
}

TEST(MinibatchTest, RowsInAtTheEdges) {
  const std::vector<Index> rows = {0, 3, 3, 7, 9};
  const auto part = [&](Index first, Index last) {
    const auto found = rows_in(rows, {first, last});
    return std::vector<Index>(found.begin(), found.end());
  };
  EXPECT_EQ(part(0, 10), rows);
  EXPECT_EQ(part(3, 4), (std::vector<Index>{3, 3}));
  EXPECT_EQ(part(4, 7), std::vector<Index>{});
  EXPECT_EQ(part(9, 9), std::vector<Index>{});
  EXPECT_EQ(part(1, 8), (std::vector<Index>{3, 3, 7}));
}

}  // namespace
}  // namespace variscope::data
