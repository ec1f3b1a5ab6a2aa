/// Every formula against the enumeration of all draws of rows and of noise from a small population, to rounding.
#include "engine/diagnostics/noise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/error.hpp"
#include "tests/engine/diagnostics/population.hpp"

namespace variscope::diagnostics {
namespace {

using testing::Population;
using testing::RowDraw;
using testing::Rows;

constexpr NoisePolicy independent = NoisePolicy::independent;
constexpr NoisePolicy shared = NoisePolicy::shared;
constexpr RowPolicy every_policy[] = {RowPolicy::with_replacement, RowPolicy::without_replacement, RowPolicy::disjoint, RowPolicy::shards,
                                      RowPolicy::epoch};

std::size_t size(Index value) { return static_cast<std::size_t>(value); }

/// Rows of shard r of the identity order, or of a partition.
std::vector<std::size_t> shard_sizes(const Setting& s) {
  std::vector<std::size_t> sizes;
  for (Index r = 0; r < s.replicas; ++r) {
    sizes.push_back(size(balanced_range(s.rows, s.replicas, r).size()));
  }
  return sizes;
}

std::vector<RowDraw> draws_from_shards(const std::vector<Rows>& shards, const Setting& s) {
  std::vector<std::vector<Rows>> choices;
  std::vector<double> weight;
  for (const Rows& shard : shards) {
    choices.push_back(testing::subsets(shard, s.batch_rows > 0 ? size(s.batch_rows) : shard.size()));
    weight.push_back(static_cast<double>(shard.size()) / static_cast<double>(s.rows));
  }
  std::vector<RowDraw> draws;
  for (const auto& rows : testing::product(choices)) {
    draws.push_back({rows, weight});
  }
  return draws;
}

std::vector<RowDraw> every_draw(const Setting& s, RowPolicy policy) {
  const Rows all = testing::all_rows(size(s.rows));
  const std::size_t batch = size(s.batch_rows > 0 ? s.batch_rows : s.rows);
  const std::size_t replicas = size(s.replicas);
  switch (policy) {
    case RowPolicy::with_replacement: {
      const auto one = s.batch_rows > 0 ? testing::sequences(all.size(), batch) : std::vector<Rows>{all};
      return testing::equal_weights(testing::product(std::vector<std::vector<Rows>>(replicas, one)));
    }
    case RowPolicy::without_replacement:
      return testing::equal_weights(testing::product(std::vector<std::vector<Rows>>(replicas, testing::subsets(all, batch))));
    case RowPolicy::disjoint:
    case RowPolicy::epoch:
      return testing::equal_weights(testing::disjoint_subsets(all, std::vector<std::size_t>(replicas, batch)));
    case RowPolicy::shards: {
      std::vector<RowDraw> draws;
      for (const auto& partition : testing::disjoint_subsets(all, shard_sizes(s))) {
        for (RowDraw& draw : draws_from_shards(partition, s)) {
          draws.push_back(std::move(draw));
        }
      }
      return draws;
    }
  }
  return {};
}

double enumerated(const Population& population, const Setting& s, const Policy& policy) {
  return testing::exact_variance(population, every_draw(s, policy.rows), size(s.samples), policy.noise == shared, s.own_noise_per_row);
}

Components whole(const Population& population) { return testing::components_of(population, testing::all_rows(population.rows())); }

void expect_equal(double formula, double truth) { EXPECT_NEAR(formula, truth, 1e-12 * std::max(1.0, std::abs(truth))); }

TEST(Noise, FormulasAreExactWithOneNoiseForTheBatch) {
  const Setting settings[] = {{6, 2, 2, 1}, {6, 1, 3, 2}, {6, 2, 2, 2}, {6, 1, 2, 3}, {5, 1, 1, 3},
                              {5, 2, 2, 2}, {6, 1, 6, 1}, {8, 1, 4, 2}, {1, 2, 1, 1}};
  std::uint64_t seed = 1;
  for (const Setting& s : settings) {
    const Population population = testing::arbitrary_population(size(s.rows), 3, seed++);
    for (const NoisePolicy noise : {independent, shared}) {
      for (const RowPolicy rows : every_policy) {
        if (rows == RowPolicy::with_replacement && s.batch_rows * s.replicas > 6) {
          continue;  // too many draws
        }
        SCOPED_TRACE(::testing::Message() << "N " << s.rows << " M " << s.samples << " B " << s.batch_rows << " R " << s.replicas
                                          << " noise " << static_cast<int>(noise) << " rows " << static_cast<int>(rows));
        expect_equal(*predicted_variance(whole(population), s, {noise, rows}), enumerated(population, s, {noise, rows}));
      }
    }
  }
}

TEST(Noise, FormulasAreExactWithOwnNoisePerRow) {
  const Setting settings[] = {{4, 2, 2, 1, true}, {4, 1, 2, 2, true}, {4, 1, 3, 1, true}, {3, 1, 1, 3, true}, {5, 1, 2, 2, true}};
  std::uint64_t seed = 11;
  for (const Setting& s : settings) {
    const Population population = testing::arbitrary_population(size(s.rows), 2, seed++);
    for (const NoisePolicy noise : {independent, shared}) {
      for (const RowPolicy rows : every_policy) {
        SCOPED_TRACE(::testing::Message() << "N " << s.rows << " M " << s.samples << " B " << s.batch_rows << " R " << s.replicas
                                          << " noise " << static_cast<int>(noise) << " rows " << static_cast<int>(rows));
        expect_equal(*predicted_variance(whole(population), s, {noise, rows}), enumerated(population, s, {noise, rows}));
      }
    }
  }
}

TEST(Noise, AllRowsLeaveNoDataNoise) {
  const Population population = testing::arbitrary_population(4, 2, 21);
  for (const bool own : {false, true}) {
    for (const NoisePolicy noise : {independent, shared}) {
      for (const RowPolicy rows : {RowPolicy::with_replacement, RowPolicy::without_replacement, RowPolicy::shards}) {
        const Setting s{4, 1, 0, 2, own};
        expect_equal(*predicted_variance(whole(population), s, {noise, rows}), enumerated(population, s, {noise, rows}));
        EXPECT_EQ(coefficients(s, {noise, rows})->data, 0.0);
      }
    }
  }
}

TEST(Noise, FixedShardsAreStrata) {
  // Equal and unequal shards of rows in their given order, with and without all rows of a shard.
  const Setting settings[] = {{6, 2, 2, 2}, {6, 1, 2, 3}, {5, 2, 2, 2},       {7, 1, 2, 3},
                              {6, 2, 0, 2}, {5, 1, 0, 3}, {4, 1, 1, 2, true}, {5, 1, 2, 2, true}};
  std::uint64_t seed = 31;
  for (const Setting& s : settings) {
    const Population population = testing::arbitrary_population(size(s.rows), s.own_noise_per_row ? 2 : 3, seed++);
    std::vector<Rows> members;
    std::vector<Shard> shards;
    for (Index r = 0; r < s.replicas; ++r) {
      const Range range = balanced_range(s.rows, s.replicas, r);
      members.emplace_back();
      for (Index n = range.first; n < range.last; ++n) {
        members.back().push_back(size(n));
      }
      shards.push_back({range.size(), testing::components_of(population, members.back())});
    }
    const std::vector<RowDraw> draws = draws_from_shards(members, s);
    for (const NoisePolicy noise : {independent, shared}) {
      SCOPED_TRACE(::testing::Message() << "N " << s.rows << " B " << s.batch_rows << " R " << s.replicas << " noise "
                                        << static_cast<int>(noise));
      const double truth = testing::exact_variance(population, draws, size(s.samples), noise == shared, s.own_noise_per_row);
      expect_equal(*predicted_variance(whole(population).monte_carlo, shards, s, noise), truth);
      // The twin that takes rows for shuffled when they are not.
      if (s.batch_rows > 0 && s.batch_rows * s.replicas < s.rows) {
        EXPECT_GT(std::abs(*predicted_variance(whole(population), s, {noise, RowPolicy::shards}) - truth), 1e-3 * truth);
      }
    }
  }
}

TEST(Noise, EqualShardsDealtAtRandomAreDisjointRows) {
  const Setting s{5000, 7, 13, 50};
  for (const NoisePolicy noise : {independent, shared}) {
    const Components dealt = *coefficients(s, {noise, RowPolicy::shards});
    const Components disjoint = *coefficients(s, {noise, RowPolicy::disjoint});
    EXPECT_NEAR(dealt.monte_carlo / disjoint.monte_carlo, 1, 1e-12);
    EXPECT_NEAR(dealt.data / disjoint.data, 1, 1e-12);
    EXPECT_NEAR(dealt.interaction / disjoint.interaction, 1, 1e-12);
  }
}

/// Each broken formula must differ from the truth by far more than rounding.
TEST(Noise, BrokenFormulasAreCaught) {
  const Setting s{6, 1, 2, 2};
  const Population population = testing::arbitrary_population(6, 3, 51);
  const Components c = whole(population);
  const auto differ = [&](double broken, const Policy& policy) {
    const double truth = enumerated(population, s, policy);
    EXPECT_GT(std::abs(broken - truth), 1e-2 * truth);
  };
  for (const NoisePolicy noise : {independent, shared}) {
    // The correction forgotten.
    differ(*predicted_variance(c, s, {noise, RowPolicy::with_replacement}), {noise, RowPolicy::without_replacement});
    // B where B R belongs.
    differ(*predicted_variance(c, s, {noise, RowPolicy::without_replacement}), {noise, RowPolicy::disjoint});
  }
  for (const RowPolicy rows : every_policy) {
    // Shared noise taken for independent, and the reverse.
    differ(*predicted_variance(c, s, {independent, rows}), {shared, rows});
    differ(*predicted_variance(c, s, {shared, rows}), {independent, rows});
  }
  // fpc(B R) in the interaction of independent noise: it must be fpc(B), since each replica draws its own noise.
  Components wrong = *coefficients(s, {independent, RowPolicy::disjoint});
  wrong.interaction *= finite_population_correction(6, 4) / finite_population_correction(6, 2);
  differ(dot(wrong, c), {independent, RowPolicy::disjoint});
}

TEST(Noise, ImpossibleSettingsAreRefused) {
  EXPECT_THROW((void)coefficients({6, 1, 7, 1}, {independent, RowPolicy::without_replacement}), UserError);
  EXPECT_THROW((void)coefficients({6, 1, 2, 4}, {independent, RowPolicy::disjoint}), UserError);
  EXPECT_THROW((void)coefficients({6, 1, 0, 2}, {independent, RowPolicy::disjoint}), UserError);
  EXPECT_THROW((void)coefficients({7, 1, 4, 2}, {independent, RowPolicy::shards}), UserError);
  EXPECT_THROW((void)coefficients({6, 0, 2, 1}, {}), UserError);
  EXPECT_NO_THROW((void)coefficients({6, 1, 7, 1}, {independent, RowPolicy::with_replacement}));
}

TEST(Noise, SplitNetIsNotPredicted) {
  EXPECT_FALSE(coefficients({6, 1, 2, 2}, {NoisePolicy::split_net, RowPolicy::disjoint}).has_value());
  EXPECT_FALSE(largest_useful_replicas({1, 1, 1}, {6, 1, 2, 2}, {NoisePolicy::split_net, RowPolicy::without_replacement}, 1).has_value());
  EXPECT_TRUE(coefficients({6, 1, 2, 1}, {NoisePolicy::split_net, RowPolicy::disjoint}).has_value());
}

TEST(Noise, OnlyShardsDependOnMoreThanTheComponentsOfAllRows) {
  for (const RowPolicy rows : every_policy) {
    EXPECT_EQ(holds_for_any_rows({6, 1, 2, 2}, {shared, rows}), rows != RowPolicy::shards);
    EXPECT_TRUE(holds_for_any_rows({6, 1, 2, 1}, {independent, rows}));
    EXPECT_TRUE(holds_for_any_rows({0, 1, 0, 2}, {independent, rows}));
  }
}

TEST(Noise, WithoutDataOnlyMonteCarloNoise) {
  EXPECT_EQ(*predicted_variance({3, 0, 0}, {0, 4, 0, 2}, {independent, RowPolicy::without_replacement}), 3.0 / 8);
  EXPECT_EQ(*predicted_variance({3, 0, 0}, {0, 4, 0, 2}, {shared, RowPolicy::disjoint}), 3.0 / 4);
}

TEST(BestSetting, IsTheMinimumOverAllIntegers) {
  std::mt19937_64 engine(61);
  std::lognormal_distribution<double> component(0.0, 2.5);
  for (int k = 0; k < 400; ++k) {
    Components c{component(engine), component(engine), component(engine)};
    c.monte_carlo = k % 7 == 0 ? 0.0 : c.monte_carlo;
    c.data = k % 5 == 0 ? 0.0 : c.data;
    c.interaction = k % 3 == 0 ? 0.0 : c.interaction;
    const Index rows = 1 + static_cast<Index>(engine() % 40);
    const Index budget = 1 + static_cast<Index>(engine() % 200);
    for (const int kind : {0, 1, 2, 3}) {
      const bool replacement = kind % 2 == 1;
      const bool own = kind > 1;
      const Policy policy{independent, replacement ? RowPolicy::with_replacement : RowPolicy::without_replacement};
      double least = std::numeric_limits<double>::infinity();
      for (Index m = 1; m <= budget; ++m) {
        for (Index b = 1; b <= rows && m * b <= budget; ++b) {
          least = std::min(least, *predicted_variance(c, {rows, m, b, 1, own}, policy));
        }
      }
      const BestSetting best = best_setting(c, rows, budget, replacement, own);
      EXPECT_LE(best.samples * best.batch_rows, budget);
      EXPECT_LE(best.batch_rows, rows);
      EXPECT_DOUBLE_EQ(best.variance, least);
      EXPECT_DOUBLE_EQ(*predicted_variance(c, {rows, best.samples, best.batch_rows, 1, own}, policy), least);
    }
  }
}

TEST(BestSetting, EdgesOfTheBudget) {
  EXPECT_EQ(best_setting({0, 1, 0}, 100, 50).batch_rows, 50);   // data noise alone: one sample
  EXPECT_EQ(best_setting({1, 0, 0}, 100, 50).samples, 50);      // Monte Carlo noise alone: one row
  EXPECT_EQ(best_setting({-1, 1, -1}, 100, 50).samples, 1);     // negative estimates count as zero
  EXPECT_EQ(best_setting({0, 0, 0}, 100, 50).samples, 1);       // smallest M of equals
  EXPECT_EQ(best_setting({1, 1, 1}, 10, 1000).batch_rows, 10);  // more than all rows: all of them, no data noise left
  EXPECT_EQ(best_setting({2, 0, 0}, 0, 8).variance, 0.25);
  EXPECT_THROW((void)best_setting({1, 1, 1}, 10, 0), UserError);
  // sqrt law without correction: B / M = sqrt(d / e) at M B = C.
  const BestSetting big = best_setting({1, 100, 0}, 1, 1'000'000, true);
  EXPECT_EQ(big.batch_rows, 1);  // never more rows than there are
  const BestSetting law = best_setting({1, 100, 0}, 1'000'000'000, 1'000'000, true);
  EXPECT_NEAR(static_cast<double>(law.batch_rows) / static_cast<double>(law.samples), 100, 1);
}

TEST(UsefulReplicas, IsTheLargestAtLeastThatEfficient) {
  std::mt19937_64 engine(71);
  std::lognormal_distribution<double> component(0.0, 1.5);
  int limited = 0;
  for (int k = 0; k < 300; ++k) {
    const Components c{component(engine), component(engine), component(engine)};
    const double signal = k % 2 == 0 ? 0.0 : component(engine);
    const double share = 0.3 + 0.6 * static_cast<double>(k % 10) / 10;
    const Setting s{60, 1 + k % 3, 1 + k % 4, 1, k % 5 == 0};
    for (const NoisePolicy noise : {independent, shared}) {
      for (const RowPolicy rows : {RowPolicy::with_replacement, RowPolicy::without_replacement, RowPolicy::disjoint, RowPolicy::epoch}) {
        const bool disjoint = rows == RowPolicy::disjoint || rows == RowPolicy::epoch;
        const Index last = disjoint ? 60 / s.batch_rows : 400;
        Index largest = 0;
        Setting at = s;
        for (at.replicas = 1; at.replicas <= last; ++at.replicas) {
          const double one = *predicted_variance(c, s, {noise, rows});
          const double now = *predicted_variance(c, at, {noise, rows});
          if (replica_efficiency(one, now, at.replicas, signal) >= share - 1e-12) {
            largest = at.replicas;
          }
        }
        const std::optional<Index> useful = largest_useful_replicas(c, s, {noise, rows}, signal, share);
        if (largest == 400) {
          EXPECT_TRUE(!useful || *useful >= 400);
        } else {
          ASSERT_TRUE(useful.has_value());
          EXPECT_EQ(*useful, largest);
          ++limited;
        }
      }
    }
  }
  EXPECT_GT(limited, 1000);
}

TEST(UsefulReplicas, FloorAndNoiseScaleByHand) {
  const Setting s{1000, 10, 50, 1};
  // Independent noise and rows, no signal: every replica pays in full.
  EXPECT_FALSE(largest_useful_replicas({3, 4, 5}, s, {independent, RowPolicy::without_replacement}, 0).has_value());
  // All of the variance in the floor: the second replica already pays half.
  EXPECT_EQ(largest_useful_replicas({3, 0, 0}, s, {shared, RowPolicy::without_replacement}, 0), 2);
  // Noise scale 100: 1 / (1 + (R - 1) / 101) >= 1/2 up to R = 102.
  EXPECT_EQ(largest_useful_replicas({1000, 0, 0}, s, {independent, RowPolicy::without_replacement}, 1.0), 102);
  EXPECT_EQ(noise_scale(100, 4), 25);
  EXPECT_TRUE(std::isinf(noise_scale(100, 0)));
  EXPECT_DOUBLE_EQ(replica_efficiency(8, 2, 4, 0), 1);
  // Disjoint rows run out.
  EXPECT_EQ(largest_useful_replicas({3, 4, 5}, s, {independent, RowPolicy::disjoint}, 0), 20);
  EXPECT_EQ(largest_useful_replicas({3, 4, 5}, s, {independent, RowPolicy::shards}, 0), 20);
}

}  // namespace
}  // namespace variscope::diagnostics
