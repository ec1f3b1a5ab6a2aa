/// Warm-up: step sizes reach their target, metrics their covariance; and densities that are no numbers are walls.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/models/funnel.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/samplers/gradient_sampler.hpp"
#include "tests/engine/samplers/setting.hpp"

namespace variscope {
namespace {

/// Standard deviations 0.01 to 100.
models::Gaussian badly_scaled() {
  constexpr Index kDim = 9;
  std::vector<double> precision(kDim * kDim);
  for (Index d = 0; d < kDim; ++d) precision[static_cast<std::size_t>(d * (kDim + 1))] = std::pow(10.0, static_cast<double>(4 - d));
  return {precision, {0.0}};
}

double mean_of(const test::Chains& run, std::size_t place, std::size_t first, std::size_t last) {
  double sum = 0;
  for (const auto& records : run.trace.records) {
    for (std::size_t k = first; k < last; ++k) sum += records[k][place];
  }
  return sum / static_cast<double>(run.trace.records.size() * (last - first));
}

// While dual averaging runs, the mean acceptance of its last 400 iterations is the target up to terms of the order of 1 / (0.05 sqrt t):
// 0.02 (the recursion bounds the summed error by gamma sqrt(t) |log step - mu|). 16 chains, standard error of the mean below 0.005.
TEST(WarmUp, ReachesTheTargetAcceptance) {
  const models::Gaussian model = badly_scaled();
  for (const std::string name : {"mala", "hmc", "nuts"}) {
    for (const double target : {0.6, 0.8}) {
      const auto sampler = test::make_sampler(name, model, {{"target_acceptance", target}});
      const std::size_t rate = test::place_of(*sampler, "acceptance_rate");
      const test::Chains run(*sampler, model, {1, 1000}, {0, 16}, 1100);
      EXPECT_NEAR(mean_of(run, rate, 500, 900), target, 0.03) << name;
      // Frozen step sizes are averages of the logarithm: acceptances near the target, above it rather than below.
      const double after = mean_of(run, rate, 1000, 1100);
      EXPECT_GT(after, target - 0.08) << name;
      EXPECT_LT(after, target + 0.15) << name;
      // And they are frozen.
      const std::size_t size = test::place_of(*sampler, "step_size");
      const double jitter = name == "hmc" ? 0.2 : 0.0;
      for (const auto& records : run.trace.records) {
        for (std::size_t k = 1001; k < 1100; ++k)
          EXPECT_LE(std::abs(std::log(records[k][size] / records[1000][size])), std::log((1 + jitter) / (1 - jitter)) + 1e-12);
      }
    }
  }
  const auto walk = test::make_sampler("random_walk_metropolis", model);
  const test::Chains run(*walk, model, {1, 3000}, {0, 16}, 4000);
  EXPECT_NEAR(mean_of(run, test::place_of(*walk, "acceptance_rate"), 3000, 4000), 0.234, 0.05);
}

// 450 draws of the last full window: relative standard error of a variance sqrt(2 / ESS), below 0.2 if one in nine is worth an independent
// one.
TEST(WarmUp, LearnsTheScales) {
  const models::Gaussian model = badly_scaled();
  const auto sampler = test::make_sampler("nuts", model);
  const test::Chains run(*sampler, model, {1, 1000}, {0, 8}, 1000);
  for (const auto& chain : run.chains) {
    const double* variance = chain.state.data() + samplers::DualAveraging::kSize + 1;
    for (Index d = 0; d < 9; ++d) EXPECT_NEAR(std::log(variance[d] / std::pow(10.0, static_cast<double>(d - 4))), 0.0, 0.8) << d;
  }
}

// A half-space without density (NaN, then +infinity): chains stay on their side, are never lost, and know no density but finite ones.
TEST(WarmUp, TakesNoNumberForAWall) {
  const models::Funnel model(3, 1.0);
  for (const double beyond : {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    auto density = approximations::density_of(model);
    const auto right = density.evaluate;
    density.evaluate = [&](tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView direction,
                           tiles::BatchView out) {
      right(theta, wanted, direction, out);
      for (Index s = 0; s < theta.count; ++s) {
        if (theta(1, s) > 0.5) out(0, s) = beyond;
      }
    };
    for (const auto& entry : samplers::catalogue()) {
      if (entry.reason_against && !entry.reason_against(model).empty()) continue;
      const auto sampler = test::make_sampler(entry.name, model);
      const samplers::Run run{2, 100};
      auto chains = samplers::start_chains(*sampler, density, model, run, {}, {0, 8});
      test::Trace trace(chains.size());
      std::vector<double> shared(static_cast<std::size_t>(sampler->shared_size()));
      sampler->start_shared(shared);
      samplers::Schedule schedule(*sampler, density, run);
      samplers::run_chains(*sampler, run, schedule, chains, 200, shared, trace.observer(), samplers::fold_here(8));
      for (std::size_t c = 0; c < chains.size(); ++c) {
        EXPECT_EQ(chains[c].status, samplers::ChainStatus::running) << entry.name;
        double moved = 0;
        for (const auto& draw : trace.draws[c]) {
          EXPECT_LE(draw[1], 0.5) << entry.name;
          moved += draw != trace.draws[c][0] ? 1 : 0;
        }
        EXPECT_GT(moved, 20) << entry.name << " " << c;
      }
    }
  }
}

}  // namespace
}  // namespace variscope
