/// Row sets under every policy: sizes, ranges, disjointness; uniform over all that a small population allows; scales that make means
/// unbiased.
#include "experiments/run/rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

namespace variscope::experiments {
namespace {

using Sets = std::vector<std::vector<Index>>;

constexpr RowPolicy kPolicies[] = {RowPolicy::without_replacement, RowPolicy::with_replacement, RowPolicy::disjoint, RowPolicy::shards,
                                   RowPolicy::epoch};

Design replicas(Index count, RowPolicy policy) { return Design::replicas(count, NoisePolicy::independent, policy); }

Sets drawn(RowPolicy policy, Index rows, Index batch_rows, Index count, std::uint32_t replicate, RowScratch& scratch) {
  Sets sets;
  draw_row_sets({7, random::Purpose::testing, 1, replicate, 0}, rows, batch_rows, replicas(count, policy), scratch, sets);
  return sets;
}

TEST(RowSets, AreSortedRowsOfTheRightNumberAndRange) {
  for (const RowPolicy policy : kPolicies) {
    RowScratch scratch;
    for (const Index rows : {24, 25, 1009}) {
      for (const Index count : {1, 2, 5}) {
        for (const Index batch_rows : {1, 4}) {
          for (std::uint32_t replicate = 0; replicate < 20; ++replicate) {
            const Sets sets = drawn(policy, rows, batch_rows, count, replicate, scratch);
            ASSERT_EQ(static_cast<Index>(sets.size()), count);
            std::set<Index> all;
            for (Index r = 0; r < count; ++r) {
              const auto& set = sets[static_cast<std::size_t>(r)];
              EXPECT_EQ(static_cast<Index>(set.size()), batch_rows);
              EXPECT_TRUE(std::is_sorted(set.begin(), set.end()));
              const Range range = policy == RowPolicy::shards ? balanced_range(rows, count, r) : Range{0, rows};
              EXPECT_GE(set.front(), range.first);
              EXPECT_LT(set.back(), range.last);
              if (policy != RowPolicy::with_replacement) {
                EXPECT_EQ(std::set<Index>(set.begin(), set.end()).size(), set.size());
              }
              all.insert(set.begin(), set.end());
            }
            if (policy == RowPolicy::disjoint || policy == RowPolicy::shards || policy == RowPolicy::epoch) {
              EXPECT_EQ(static_cast<Index>(all.size()), count * batch_rows);
            }
          }
        }
      }
    }
  }
}

TEST(RowSets, AreAFunctionOfTheReplicateAlone) {
  // Scratch that has seen other sizes and policies changes nothing.
  RowScratch used;
  for (const RowPolicy policy : kPolicies) {
    for (std::uint32_t replicate = 0; replicate < 5; ++replicate) {
      RowScratch fresh;
      EXPECT_EQ(drawn(policy, 101, 7, 3, replicate, used), drawn(policy, 101, 7, 3, replicate, fresh));
      EXPECT_NE(drawn(policy, 101, 7, 3, replicate, used), drawn(policy, 101, 7, 3, replicate + 1, used));
    }
  }
}

TEST(RowSets, AllRowsWhereAllAreAskedFor) {
  RowScratch scratch;
  std::vector<Index> all(12);
  std::iota(all.begin(), all.end(), Index{0});
  for (const RowPolicy policy : {RowPolicy::without_replacement, RowPolicy::disjoint, RowPolicy::shards, RowPolicy::epoch})
    EXPECT_EQ(drawn(policy, 12, 12, 1, 3, scratch), Sets{all});
}

/// Whether counts of `draws` outcomes may come from these probabilities: the chi-square statistic against its quantile at a false-alarm
/// rate of 1e-6, by Wilson and Hilferty 1931.
bool plausible(const std::map<Sets, Index>& counts, const std::map<Sets, double>& probabilities, Index draws) {
  double statistic = 0;
  Index seen = 0;
  for (const auto& [outcome, probability] : probabilities) {
    const auto found = counts.find(outcome);
    const Index count = found == counts.end() ? 0 : found->second;
    const double expected = probability * static_cast<double>(draws);
    EXPECT_GT(expected, 5);
    statistic += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected) / expected;
    seen += count;
  }
  if (seen != draws) return false;  // something impossible came up
  const auto k = static_cast<double>(probabilities.size() - 1);
  const double z = 4.753;
  return statistic < k * std::pow(1 - 2 / (9 * k) + z * std::sqrt(2 / (9 * k)), 3);
}

/// All ascending pairs of rows of a range, a pair of equals too if repetitions are allowed.
std::vector<std::vector<Index>> pairs(Range range, bool equals) {
  std::vector<std::vector<Index>> all;
  for (Index i = range.first; i < range.last; ++i) {
    for (Index j = equals ? i : i + 1; j < range.last; ++j) all.push_back({i, j});
  }
  return all;
}

/// Two sets of two rows each: every outcome with its probability.
std::map<Sets, double> outcomes(RowPolicy policy, Index rows) {
  const bool repeats = policy == RowPolicy::with_replacement;
  const bool shards = policy == RowPolicy::shards;
  std::map<Sets, double> all;
  double total = 0;
  for (const auto& first : pairs(shards ? balanced_range(rows, 2, 0) : Range{0, rows}, repeats)) {
    for (const auto& second : pairs(shards ? balanced_range(rows, 2, 1) : Range{0, rows}, repeats)) {
      const bool common = std::any_of(first.begin(), first.end(), [&](Index n) { return n == second[0] || n == second[1]; });
      if (common && (policy == RowPolicy::disjoint || policy == RowPolicy::epoch)) continue;
      // Of draws with repetitions an ascending pair of different rows comes in two orders.
      const double weight = !repeats ? 1 : (first[0] == first[1] ? 1.0 : 2.0) * (second[0] == second[1] ? 1.0 : 2.0);
      all[{first, second}] = weight;
      total += weight;
    }
  }
  for (auto& [outcome, weight] : all) weight /= total;
  return all;
}

TEST(RowSets, AreUniformOverAllThatThePolicyAllows) {
  RowScratch scratch;
  for (const RowPolicy policy : kPolicies) {
    // Odd numbers of rows: shards of 4 and 3; an epoch of one step that leaves rows out (7), and of two (9).
    for (const Index rows : {6, 7, 9}) {
      const auto probabilities = outcomes(policy, rows);
      const auto draws = static_cast<Index>(40 * probabilities.size() + 20000);
      std::map<Sets, Index> counts;
      for (Index i = 0; i < draws; ++i) ++counts[drawn(policy, rows, 2, 2, static_cast<std::uint32_t>(i), scratch)];
      EXPECT_TRUE(plausible(counts, probabilities, draws)) << "policy " << static_cast<int>(policy) << ", " << rows << " rows";
    }
  }
}

TEST(RowSets, DesignsWithinShardsDrawEveryPairOfTheShardAlike) {
  // 7 rows in shards of 4 and 3, two sets of two rows from each: 6 x 6 x 3 x 3 outcomes, and none like the designs of all rows.
  const Design design = Design::cross_shards(2, 2, 3);
  EXPECT_EQ(design.units(), 12);
  EXPECT_EQ(design.shards(), 2);
  std::map<Sets, double> probabilities;
  for (const auto& a : pairs({0, 4}, false)) {
    for (const auto& b : pairs({0, 4}, false)) {
      for (const auto& c : pairs({4, 7}, false)) {
        for (const auto& d : pairs({4, 7}, false)) probabilities[{a, b, c, d}] = 1.0 / 324;
      }
    }
  }
  RowScratch scratch;
  Sets sets;
  std::map<Sets, Index> counts;
  const Index draws = 20000;
  for (Index i = 0; i < draws; ++i) {
    draw_row_sets({7, random::Purpose::testing, 1, static_cast<std::uint32_t>(i), 0}, 7, 2, design, scratch, sets);
    ++counts[sets];
  }
  EXPECT_TRUE(plausible(counts, probabilities, draws));
  EXPECT_DOUBLE_EQ(row_set_scale(7, 2, design, 1), 2 * 4 / 2.0);
  EXPECT_DOUBLE_EQ(row_set_scale(7, 2, design, 2), 2 * 3 / 2.0);
}

TEST(RowSets, ABrokenDealIsCaught) {
  // Disjoint rows cut in ascending order in place of dealt out; and a draw that takes row 0 a little too often.
  RowScratch scratch;
  const auto probabilities = outcomes(RowPolicy::disjoint, 6);
  const Index draws = 20000;
  std::map<Sets, Index> sorted;
  std::map<Sets, Index> tilted;
  for (Index i = 0; i < draws; ++i) {
    const auto replicate = static_cast<std::uint32_t>(i);
    Sets sets = drawn(RowPolicy::disjoint, 6, 2, 2, replicate, scratch);
    if (i % 10 == 0 && sets[0][0] != 0 && sets[1][0] != 0) sets[0][0] = 0;
    ++tilted[sets];
    sets = drawn(RowPolicy::disjoint, 6, 2, 2, replicate, scratch);
    std::vector<Index> four = sets[0];
    four.insert(four.end(), sets[1].begin(), sets[1].end());
    std::sort(four.begin(), four.end());
    ++sorted[{{four[0], four[1]}, {four[2], four[3]}}];
  }
  EXPECT_FALSE(plausible(sorted, probabilities, draws));
  EXPECT_FALSE(plausible(tilted, probabilities, draws));
}

/// z-score of the mean over replicas and many replicates of scale * sum of x against the sum over all rows.
double scaled_z(RowPolicy policy, Index rows, Index batch_rows, Index count, bool wrong_scale) {
  RowScratch scratch;
  std::vector<double> x;
  for (Index n = 0; n < rows; ++n) x.push_back(1 + static_cast<double>(n * n));
  const double total = std::accumulate(x.begin(), x.end(), 0.0);
  const Index draws = 20000;
  double sum = 0;
  double square = 0;
  for (Index i = 0; i < draws; ++i) {
    const Sets sets = drawn(policy, rows, batch_rows, count, static_cast<std::uint32_t>(i), scratch);
    double mean = 0;
    for (Index r = 0; r < count; ++r) {
      const double scale = wrong_scale ? static_cast<double>(rows) / static_cast<double>(batch_rows)
                                       : row_set_scale(rows, batch_rows, replicas(count, policy), r);
      for (const Index n : sets[static_cast<std::size_t>(r)]) mean += scale * x[static_cast<std::size_t>(n)] / static_cast<double>(count);
    }
    sum += mean - total;
    square += (mean - total) * (mean - total);
  }
  const auto n = static_cast<double>(draws);
  return std::abs(sum) / std::sqrt(n * (square - sum * sum / n) / (n - 1));
}

TEST(RowSetScale, MakesTheMeanOverReplicasUnbiased) {
  // Ten z-scores; 5 is passed by chance once in 1.7 million.
  for (const RowPolicy policy : kPolicies) {
    EXPECT_LT(scaled_z(policy, 7, 2, 2, false), 5) << static_cast<int>(policy);
    EXPECT_LT(scaled_z(policy, 23, 3, 5, false), 5) << static_cast<int>(policy);
  }
  // Shards of 4 and 3 rows, scaled alike: the rows of the larger shard would count too little.
  EXPECT_GT(scaled_z(RowPolicy::shards, 7, 2, 2, true), 10);
}

TEST(RowSetScale, IsRowsOverBatchUnlessRowsAreSharded) {
  for (const RowPolicy policy : {RowPolicy::without_replacement, RowPolicy::with_replacement, RowPolicy::disjoint, RowPolicy::epoch})
    EXPECT_EQ(row_set_scale(100, 20, replicas(3, policy), 2), 5.0);
  // 100 rows in 3 shards: 34, 33, 33.
  EXPECT_DOUBLE_EQ(row_set_scale(100, 11, replicas(3, RowPolicy::shards), 0), 3 * 34 / 11.0);
  EXPECT_DOUBLE_EQ(row_set_scale(100, 11, replicas(3, RowPolicy::shards), 2), 3 * 33 / 11.0);
}

}  // namespace
}  // namespace variscope::experiments
