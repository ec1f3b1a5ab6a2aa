/// The scheduler: batches, errors, chains that fail, chains that are not at the same iteration.
#include "engine/samplers/schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "engine/models/gaussian.hpp"
#include "tests/engine/samplers/setting.hpp"

namespace variscope {
namespace {

using samplers::Chain;
using samplers::Schedule;
using samplers::Step;
using samplers::Transition;

/// Asks for as many densities as its chain's index and iteration say, every second one with gradient, by a part of its own; then stands at
/// the sum of what it was told.
class Questioner final : public samplers::Sampler {
 public:
  explicit Questioner(Index dim) : Sampler(dim) {}
  [[nodiscard]] bool uses_gradient() const override { return true; }
  [[nodiscard]] std::vector<samplers::Statistic> statistics() const override { return {{"questions", "", samplers::StatisticKind::count}}; }
  [[nodiscard]] Index scratch_size() const override { return 2 * samplers::padded(dim()); }
  Transition step(Step& step) const override {
    Chain& chain = *step.chain;
    if (chain.index == throws_ && step.iteration() == 2) throw std::runtime_error("index " + std::to_string(chain.index));
    const Index questions = (chain.index + step.iteration()) % 4;
    for (Index q = 0; q < questions; ++q) {
      if (q % 2 == 0) {
        co_await ask_gradient(step);
      } else {
        for (Index d = 0; d < dim(); ++d) step.scratch[d] = chain.position[static_cast<std::size_t>(d)] + 0.01 * static_cast<double>(d);
        chain.log_density = co_await step.value(step.scratch);
      }
    }
    if (chain.index == fails_ && step.iteration() == 2) chain.log_density = std::numeric_limits<double>::infinity();
    step.statistics[0] = static_cast<double>(questions);
  }
  Index throws_ = -1;
  Index fails_ = -1;

 private:
  Transition ask_gradient(Step& step) const {
    Chain& chain = *step.chain;
    double* g = step.scratch + samplers::padded(dim());
    chain.log_density = co_await step.gradient(chain.position.data(), g);
    for (Index d = 0; d < dim(); ++d) {
      const auto i = static_cast<std::size_t>(d);
      EXPECT_DOUBLE_EQ(g[d], -chain.position[i]);
      chain.position[i] += 0.1 * g[d] + 0.001 * static_cast<double>(chain.index);
    }
  }
};

std::vector<Chain> chains_at(Index count, Index dim) {
  std::vector<Chain> chains(static_cast<std::size_t>(count));
  for (std::size_t c = 0; c < chains.size(); ++c) {
    chains[c].index = static_cast<Index>(c);
    for (Index d = 0; d < dim; ++d) chains[c].position.push_back(std::cos(static_cast<double>(d + 3 * static_cast<Index>(c))));
    chains[c].gradient.resize(static_cast<std::size_t>(dim));
    chains[c].log_density = 0;
  }
  return chains;
}

models::Gaussian standard_normal(Index dim) {
  std::vector<double> precision(static_cast<std::size_t>(dim * dim));
  for (Index d = 0; d < dim; ++d) precision[static_cast<std::size_t>(d * (dim + 1))] = 1;
  return {precision, {0.0}};
}

TEST(Schedule, GivesAChainTheSameBitsAloneAndInAnyCompany) {
  for (const Index dim : {1, 3, 8, 17}) {
    const models::Gaussian model = standard_normal(dim);
    const auto density = approximations::density_of(model);
    const Questioner sampler(dim);
    for (const int threads : {1, 2}) {
      auto together = chains_at(21, dim);
      test::Trace trace(together.size());
      Schedule schedule(sampler, density, {}, threads);
      schedule.run(together, 7, {}, trace.observer());
      const auto traffic = schedule.traffic();
      Index columns = 0;
      for (const auto& records : trace.records) {
        for (const auto& record : records) {
          EXPECT_EQ(record[1] + record[2], record[4]);
          columns += static_cast<Index>(record[4]);
        }
      }
      EXPECT_EQ(traffic.columns, columns);
      EXPECT_LT(traffic.batches, columns / 4);
      for (const Index index : {0, 7, 8, 20}) {
        auto all = chains_at(21, dim);
        std::vector<Chain> alone = {all[static_cast<std::size_t>(index)]};
        test::Trace own(1);
        Schedule(sampler, density, {}).run(alone, 7, {}, own.observer());
        EXPECT_EQ(alone[0], together[static_cast<std::size_t>(index)]) << dim << " " << index;
        EXPECT_EQ(own.draws[0], trace.draws[static_cast<std::size_t>(index)]);
        EXPECT_EQ(own.records[0], trace.records[static_cast<std::size_t>(index)]);
      }
    }
  }
}

TEST(Schedule, ContinuesChainsFromWhereTheyStand) {
  const models::Gaussian model = standard_normal(5);
  const auto density = approximations::density_of(model);
  const Questioner sampler(5);
  const auto nothing = [](Index, const Chain&, std::span<const double>) {};
  auto whole = chains_at(9, 5);
  Schedule(sampler, density, {}).run(whole, 12, {}, nothing);
  auto parts = chains_at(9, 5);
  Schedule schedule(sampler, density, {});
  schedule.run(std::span(parts).first(4), 3, {}, nothing);
  schedule.run(parts, 8, {}, nothing);
  schedule.run(parts, 12, {}, nothing);
  schedule.run(parts, 12, {}, nothing);
  EXPECT_EQ(parts, whole);
}

TEST(Schedule, LetsAChainThatFailsTakeNobodyWithIt) {
  const models::Gaussian model = standard_normal(4);
  const auto density = approximations::density_of(model);
  Questioner sampler(4);
  test::Trace healthy(10);
  auto chains = chains_at(10, 4);
  Schedule(sampler, density, {}).run(chains, 6, {}, healthy.observer());
  sampler.fails_ = 3;
  test::Trace trace(10);
  auto again = chains_at(10, 4);
  Schedule(sampler, density, {}).run(again, 4, {}, trace.observer());
  Schedule(sampler, density, {}).run(again, 6, {}, trace.observer());
  for (std::size_t c = 0; c < chains.size(); ++c) {
    EXPECT_EQ(again[c].iteration, 6);
    EXPECT_EQ(trace.draws[c].size(), 6U);
    if (c != 3) {
      EXPECT_EQ(again[c], chains[c]);
      continue;
    }
    EXPECT_EQ(again[c].status, samplers::ChainStatus::failed);
    EXPECT_EQ(trace.draws[c][1], healthy.draws[c][1]);
    for (std::size_t k = 2; k < 6; ++k) {
      EXPECT_TRUE(std::isnan(trace.draws[c][k][0])) << k;
      EXPECT_TRUE(std::isnan(trace.records[c][k][0])) << k;
      EXPECT_EQ(trace.records[c][k][3], 1) << k;
    }
    EXPECT_EQ(trace.records[c][3][1], 0);
  }
}

TEST(Schedule, RethrowsWhatTheFirstChainThrew) {
  const models::Gaussian model = standard_normal(4);
  const auto density = approximations::density_of(model);
  Questioner sampler(4);
  sampler.throws_ = 5;
  auto chains = chains_at(10, 4);
  const auto nothing = [](Index, const Chain&, std::span<const double>) {};
  try {
    Schedule(sampler, density, {}, 2).run(chains, 6, {}, nothing);
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "index 5");
  }
}

TEST(Step, DrawsEveryNormalFromAStreamOfItsOwn) {
  Chain chain;
  chain.index = 11;
  chain.iteration = 4;
  Step step;
  step.chain = &chain;
  step.run.seed = 99;
  alignas(64) double out[24];
  step.normals(random::Purpose::chain_momentum, 2, 19, out);
  std::set<double> seen;
  for (Index d = 0; d < 19; ++d) {
    const random::Stream stream{99, random::Purpose::chain_momentum, 11, 4, static_cast<std::uint32_t>(16 + d % 8)};
    EXPECT_EQ(out[d], random::normal(stream, static_cast<std::uint32_t>(d / 8)));
    seen.insert(out[d]);
  }
  EXPECT_EQ(seen.size(), 19U);
}

}  // namespace
}  // namespace variscope
