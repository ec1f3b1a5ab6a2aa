/// Components within fixed shards: unbiased, and unbiased predictions from them, over every design that a small population has.
#include "engine/diagnostics/strata.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/engine/diagnostics/population.hpp"

namespace variscope::diagnostics {
namespace {

using testing::Population;
using testing::Rows;

constexpr NoisePolicy noises[] = {NoisePolicy::independent, NoisePolicy::shared};
constexpr std::size_t kSets = 2;  // K and L of every design

std::size_t size(Index value) { return static_cast<std::size_t>(value); }

/// Rows of every shard, in their given order.
std::vector<Rows> members_of(const Setting& s) {
  std::vector<Rows> members;
  for (Index r = 0; r < s.replicas; ++r) {
    members.emplace_back();
    const Range range = balanced_range(s.rows, s.replicas, r);
    for (Index n = range.first; n < range.last; ++n) members.back().push_back(size(n));
  }
  return members;
}

/// What replica r makes of a row's term, so that the mean over replicas is the whole gradient: R N_r / N times it.
double weight_of(const Setting& s, const Rows& shard) {
  return static_cast<double>(s.replicas) * static_cast<double>(shard.size()) / static_cast<double>(s.rows);
}

/// Every choice of K minibatches of every shard.
std::vector<std::vector<std::vector<Rows>>> every_minibatch(const Setting& s) {
  std::vector<std::vector<std::vector<Rows>>> all = {{}};
  for (const Rows& shard : members_of(s)) {
    const std::vector<Rows> choices = testing::subsets(shard, size(s.batch_rows));
    std::vector<std::vector<std::vector<Rows>>> longer;
    for (const auto& head : all) {
      for (const auto& sets : testing::product(std::vector<std::vector<Rows>>(kSets, choices))) {
        longer.push_back(head);
        longer.back().push_back(sets);
      }
    }
    all = std::move(longer);
  }
  return all;
}

/// Sums over all designs, weighted by their probability, of what visit makes of one.
void every_design(const Population& population, const Setting& s, const std::function<void(double, const ShardMoments&)>& visit) {
  const auto members = members_of(s);
  const auto minibatches = every_minibatch(s);
  const std::vector<Block> blocks = {{"all", {0, 1}}};
  testing::every_noise(population, kSets, size(s.samples), false, s.own_noise_per_row, [&](double probability, const testing::Noise& eps) {
    for (const auto& rows : minibatches) {
      std::vector<double> gradients;
      for (std::size_t r = 0; r < members.size(); ++r) {
        for (std::size_t k = 0; k < kSets; ++k) {
          for (std::size_t l = 0; l < kSets; ++l)
            gradients.push_back(weight_of(s, members[r]) * testing::estimate_of(population, rows[r][k], eps[l]));
        }
      }
      ShardMoments moments;
      moments.resize(1, s.replicas, s.replicas, kSets, kSets);
      add_shard_designs(moments, 0, blocks, gradients);
      visit(probability / static_cast<double>(minibatches.size()), moments);
    }
  });
}

ComponentStatistics exactly(const Components& components) {
  ComponentStatistics s;
  s.monte_carlo = {components.monte_carlo, {components.monte_carlo}};
  s.data = {components.data, {components.data}};
  s.interaction = {components.interaction, {components.interaction}};
  s.count = {1.0};
  return s;
}

double truth_of(const Population& population, const Setting& s, NoisePolicy noise) {
  const auto members = members_of(s);
  std::vector<std::vector<Rows>> choices;
  std::vector<double> weight;
  for (const Rows& shard : members) {
    choices.push_back(testing::subsets(shard, size(s.batch_rows)));
    weight.push_back(static_cast<double>(shard.size()) / static_cast<double>(s.rows));
  }
  std::vector<testing::RowDraw> draws;
  for (const auto& rows : testing::product(choices)) draws.push_back({rows, weight});
  return testing::exact_variance(population, draws, size(s.samples), noise == NoisePolicy::shared, s.own_noise_per_row);
}

TEST(Strata, ComponentsOfEveryShardAreUnbiased) {
  for (const Setting& s : {Setting{6, 1, 2, 2}, Setting{7, 2, 2, 2}, Setting{5, 1, 1, 2}}) {
    const Population population = testing::arbitrary_population(size(s.rows), 2, 41);
    const auto members = members_of(s);
    std::vector<Components> mean(members.size());
    every_design(population, s, [&](double probability, const ShardMoments& moments) {
      const auto statistics = shard_statistics(moments, s, std::vector<double>{0.0});
      for (std::size_t r = 0; r < members.size(); ++r) {
        const Components own = statistics[r].values();
        mean[r].monte_carlo += probability * own.monte_carlo;
        mean[r].data += probability * own.data;
        mean[r].interaction += probability * own.interaction;
      }
    });
    for (std::size_t r = 0; r < members.size(); ++r) {
      const Components exact = testing::components_of(population, members[r]);
      const double scale = weight_of(s, members[r]) * weight_of(s, members[r]);
      EXPECT_NEAR(mean[r].monte_carlo, scale * exact.monte_carlo, 1e-10 * scale * exact.monte_carlo);
      EXPECT_NEAR(mean[r].data, scale * exact.data, 1e-10 * scale * exact.data);
      EXPECT_NEAR(mean[r].interaction, scale * exact.interaction, 1e-10 * scale * exact.interaction);
    }
  }
}

TEST(Strata, PredictionsAreUnbiasedWhateverTheOrderOfTheRows) {
  // Designs at the first setting predict at both: other M and B too. Equal and unequal shards, common noise and noise of every row's own.
  const std::pair<Setting, Setting> cases[] = {{{6, 1, 2, 2}, {6, 2, 1, 2}},
                                               {{7, 1, 2, 2}, {7, 2, 3, 2}},
                                               {{6, 1, 1, 3}, {6, 2, 1, 3}},
                                               {{4, 1, 1, 2, true}, {4, 2, 1, 2, true}},
                                               {{5, 1, 1, 2, true}, {5, 1, 2, 2, true}}};
  std::uint64_t seed = 51;
  for (const auto& [designs, there] : cases) {
    const Population population = testing::arbitrary_population(size(designs.rows), 2, seed++);
    const ComponentStatistics whole = exactly(testing::components_of(population, testing::all_rows(population.rows())));
    for (const Setting& s : {designs, there}) {
      std::map<NoisePolicy, double> mean;
      every_design(population, designs, [&, &from = designs](double probability, const ShardMoments& moments) {
        const Strata strata{whole, shard_statistics(moments, from, std::vector<double>{0.0})};
        for (const NoisePolicy noise : noises) mean[noise] += probability * predicted_statistic(strata, s, noise).value;
      });
      for (const NoisePolicy noise : noises) {
        const double truth = truth_of(population, s, noise);
        SCOPED_TRACE(::testing::Message() << "N " << s.rows << " M " << s.samples << " B " << s.batch_rows << " R " << s.replicas
                                          << " noise " << static_cast<int>(noise) << " own " << s.own_noise_per_row);
        EXPECT_NEAR(mean[noise], truth, 1e-10 * truth);
        // The twins: rows taken for dealt at random, and shared noise declared independent or the other way round.
        const Components all = testing::components_of(population, testing::all_rows(population.rows()));
        EXPECT_GT(std::abs(*predicted_variance(all, s, {noise, RowPolicy::shards}) - truth), 1e-3 * truth);
        if (!s.own_noise_per_row) {
          EXPECT_GT(std::abs(mean[noise == NoisePolicy::shared ? NoisePolicy::independent : NoisePolicy::shared] - truth), 1e-3 * truth);
        }
      }
    }
  }
}

TEST(Strata, NothingIsPredictedFromDesignsThatTellNothing) {
  // Every minibatch of the designs is a whole shard: no word about minibatches of fewer rows.
  const Setting designs{6, 1, 3, 2};
  const Population population = testing::arbitrary_population(6, 2, 61);
  const ComponentStatistics whole = exactly(testing::components_of(population, testing::all_rows(6)));
  double mean = 0;
  every_design(population, designs, [&](double probability, const ShardMoments& moments) {
    const Strata strata{whole, shard_statistics(moments, designs, std::vector<double>{0.0})};
    mean += probability * predicted_statistic(strata, designs, NoisePolicy::independent).value;
    EXPECT_TRUE(predicted_statistic(strata, {6, 1, 2, 2}, NoisePolicy::independent).without.empty());
    EXPECT_TRUE(predicted_statistic(strata, {6, 1, 2, 3}, NoisePolicy::independent).without.empty());  // other shards
    EXPECT_TRUE(predicted_statistic(strata, designs, NoisePolicy::split_net).without.empty());
    EXPECT_FALSE(check_prediction(strata, {6, 1, 2, 2}, {NoisePolicy::independent, RowPolicy::shards}, {}, 1).strata);
    EXPECT_FALSE(check_prediction(strata, designs, {NoisePolicy::independent, RowPolicy::disjoint}, {}, 1).strata);
  });
  const double truth = truth_of(population, designs, NoisePolicy::independent);
  EXPECT_NEAR(mean, truth, 1e-10 * truth);
}

TEST(Strata, SizesThatDoNotAgreeAreRefused) {
  const std::vector<Block> blocks = {{"a", {0, 1}}, {"b", {1, 2}}};
  const std::vector<double> gradients(2 * 2 * 2 * 2, 0.0);
  ShardMoments moments;
  moments.resize(1, 4, 4, 2, 2);
  EXPECT_NO_THROW(add_shard_designs(moments, 0, blocks, gradients));
  EXPECT_THROW(add_shard_designs(moments, 0, blocks, std::vector<double>(17, 0.0)), std::invalid_argument);
  EXPECT_THROW(add_shard_designs(moments, 0, {}, gradients), std::invalid_argument);
  moments.resize(1, 4, 4, 1, 4);
  EXPECT_THROW(add_shard_designs(moments, 0, blocks, gradients), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::diagnostics
