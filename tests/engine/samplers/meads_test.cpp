/// MEADS: moments of a correlated normal, folds that are dealt evenly, what it learns, one step from exact draws, twins that must fail.
#include "engine/samplers/meads.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "engine/models/gaussian.hpp"
#include "tests/engine/samplers/setting.hpp"

namespace variscope {
namespace {

using samplers::Flaw;
using samplers::Meads;

/// Autoregressive: unit variances, correlation 0.8 between neighbours.
models::Gaussian autoregressive(Index dim) {
  const double rho = 0.8;
  std::vector<double> precision(static_cast<std::size_t>(dim * dim), 0.0);
  for (Index d = 0; d < dim; ++d) {
    precision[static_cast<std::size_t>(d * dim + d)] = (d == 0 || d == dim - 1 ? 1 : 1 + rho * rho) / (1 - rho * rho);
    if (d > 0)
      precision[static_cast<std::size_t>(d * dim + d - 1)] = precision[static_cast<std::size_t>((d - 1) * dim + d)] =
          -rho / (1 - rho * rho);
  }
  return models::Gaussian(precision, std::vector<double>(static_cast<std::size_t>(dim), 0.0));
}

TEST(Meads, FoldsAreDealtEvenlyAndAnew) {
  const Meads sampler(3, {.folds = 4});
  Index changes = 0;
  for (Index iteration = 0; iteration < 40; iteration += 4) {
    for (Index block = 0; block < 8; ++block) {
      std::set<Index> seen;
      for (Index i = 0; i < 4; ++i) {
        const Index fold = sampler.fold_of(9, 4 * block + i, iteration);
        seen.insert(fold);
        for (Index later = 1; later < 4; ++later) EXPECT_EQ(sampler.fold_of(9, 4 * block + i, iteration + later), fold);
        changes += sampler.fold_of(9, 4 * block + i, iteration + 4) == fold ? 0 : 1;
      }
      EXPECT_EQ(seen.size(), 4U);
    }
  }
  // 320 re-dealings, each new with probability 3/4: 240 with a standard deviation of 8 (a little less, dealt without replacement).
  EXPECT_NEAR(static_cast<double>(changes), 240, 45);
}

// Second moments over all chains behind 500 iterations, in blocks of 250 iterations over all chains (chains are not independent, blocks
// nearly so: the prototype's autocorrelation was below 20). 19 degrees of freedom beyond 8: 2e-7, 20 comparisons.
TEST(Meads, MomentsOfACorrelatedNormal) {
  const Index dim = 10;
  const auto model = autoregressive(dim);
  const Meads sampler(dim, {});
  const Index blocks = 20;
  const test::Chains run(sampler, model, samplers::Run{3, 500}, {0, 64}, 500 + 250 * blocks);
  for (Index d = 0; d < dim; ++d) {
    for (const Index other : {d, std::max<Index>(d - 1, 0)}) {
      const double truth = other == d ? 1 : 0.8;
      double mean = 0;
      double square = 0;
      for (Index b = 0; b < blocks; ++b) {
        double own = 0;
        for (const auto& chain : run.trace.draws) {
          for (Index i = 0; i < 250; ++i) {
            const auto& draw = chain[static_cast<std::size_t>(500 + 250 * b + i)];
            own += draw[static_cast<std::size_t>(d)] * draw[static_cast<std::size_t>(other)];
          }
        }
        own /= 250 * 64;
        mean += own / static_cast<double>(blocks);
        square += own * own / static_cast<double>(blocks);
      }
      const double error = std::sqrt((square - mean * mean) / static_cast<double>(blocks - 1));
      EXPECT_LT(std::abs(mean - truth) / error, 8) << d << ' ' << other;
      EXPECT_LT(error, 0.05) << d;
    }
  }
  // The prototype accepted 97.7 % here.
  const std::size_t place = test::place_of(sampler, "acceptance_rate");
  double accepted = 0;
  double moves = 0;
  for (const auto& records : run.trace.records) {
    for (std::size_t i = 500; i < records.size(); ++i) {
      if (std::isnan(records[i][place])) continue;  // stood still
      accepted += records[i][place];
      moves += 1;
    }
  }
  EXPECT_NEAR(accepted / moves, 0.977, 0.02);
  EXPECT_EQ(moves, 64 * 250 * static_cast<double>(blocks) * 3 / 4);
  // 0.5 over the root of the largest eigenvalue of the gradients' covariance, 9 here (1 + rho)/(1 - rho), underestimated by tr C^2 / tr C.
  EXPECT_GT(run.shared[0], 0.5 / 3);
  EXPECT_LT(run.shared[0], 0.5 / 1.5);
}

/// Largest |z| of moments of position and momentum after four iterations (each chain stands still in one) from exact draws.
double steps_z(Flaw flaw) {
  const models::Gaussian model({2.0, -1.2, -1.2, 1.5}, {0.0, 0.0});
  const double determinant = 2.0 * 1.5 - 1.2 * 1.2;
  const double covariance[3] = {1.5 / determinant, 1.2 / determinant, 2.0 / determinant};
  const Meads sampler(2, {.step_size = 0.9, .damping = 0.4, .flaw = flaw});
  const approximations::Density density = approximations::density_of(model);
  const Index count = 40000;
  std::vector<samplers::Chain> chains(static_cast<std::size_t>(count));
  const double a = std::sqrt(covariance[0]);
  const double b = covariance[1] / a;
  const double c = std::sqrt(covariance[2] - b * b);
  const samplers::Run settings{5, 0};
  for (Index i = 0; i < count; ++i) {
    samplers::Chain& chain = chains[static_cast<std::size_t>(i)];
    const random::Stream stream{3, random::Purpose::testing, 1, static_cast<std::uint32_t>(i), 0};
    const double u = random::normal(stream, 0);
    const double v = random::normal(stream, 1);
    chain.index = i;
    chain.position = {a * u, b * u + c * v};
    chain.state.resize(static_cast<std::size_t>(sampler.state_size()));
  }
  samplers::evaluate_chains(sampler, density, chains);
  for (samplers::Chain& chain : chains) sampler.start(settings, chain);
  std::vector<double> shared(static_cast<std::size_t>(sampler.shared_size()));
  sampler.start_shared(shared);
  samplers::Schedule schedule(sampler, density, settings);
  schedule.run(chains, 4, shared, [](Index, const samplers::Chain&, std::span<const double>) {});
  double largest = 0;
  for (int k = 0; k < 8; ++k) {
    double mean = 0;
    double square = 0;
    for (const samplers::Chain& chain : chains) {
      const double x = chain.position[0];
      const double y = chain.position[1];
      const double p = chain.state[2];
      const double values[8] = {x,
                                y,
                                x * x - covariance[0],
                                x * y - covariance[1],
                                y * y - covariance[2],
                                p * p - 1,
                                p * x,
                                chain.state[0] * chain.state[0] - 1.0 / 3};
      mean += values[k] / count;
      square += values[k] * values[k] / count;
    }
    largest = std::max(largest, std::abs(mean) / std::sqrt(square / count));
  }
  return largest;
}

// Eight z beyond 5.5: 3e-7.
TEST(Meads, IterationsLeaveTheTargetAsItIs) { EXPECT_LT(steps_z(Flaw::none), 5.5); }

TEST(Meads, TwinsAreCaught) {
  for (const Flaw flaw : {Flaw::accept_sign, Flaw::never_rejects, Flaw::no_correction, Flaw::half_step_missing}) {
    EXPECT_GT(steps_z(flaw), 7) << static_cast<int>(flaw);
  }
}

TEST(Meads, BitsDoNotDependOnThreadsOrPieces) {
  const auto model = autoregressive(5);
  const Meads sampler(5, {});
  const samplers::Run settings{2, 10};
  const test::Chains one(sampler, model, settings, {0, 16}, 60, 1);
  const test::Chains two(sampler, model, settings, {0, 16}, 60, 2);
  EXPECT_EQ(one.trace.draws, two.trace.draws);
  test::Chains pieces(sampler, model, settings, {0, 16}, 33);
  samplers::Schedule schedule(sampler, pieces.density, settings, 1);
  samplers::run_chains(sampler, settings, schedule, pieces.chains, 60, pieces.shared, pieces.trace.observer(), samplers::fold_here(16));
  EXPECT_EQ(one.trace.draws, pieces.trace.draws);
}

}  // namespace
}  // namespace variscope
