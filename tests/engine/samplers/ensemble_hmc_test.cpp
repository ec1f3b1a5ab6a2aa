/// HMC of many chains in step: moments of a stretched normal, what warm-up learns, one step from exact draws, twins that must fail.
#include "engine/samplers/ensemble_hmc.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/models/gaussian.hpp"
#include "tests/engine/samplers/setting.hpp"

namespace variscope {
namespace {

using samplers::EnsembleHmc;
using samplers::Flaw;
using samplers::LengthCriterion;

/// Independent coordinates with standard deviations from 10^-half to 10^half.
models::Gaussian stretched(Index dim, double half) {
  std::vector<double> precision(static_cast<std::size_t>(dim * dim), 0.0);
  for (Index d = 0; d < dim; ++d) {
    const double sd = std::pow(10, half * (2 * static_cast<double>(d) / static_cast<double>(dim - 1) - 1));
    precision[static_cast<std::size_t>(d * dim + d)] = 1 / (sd * sd);
  }
  return models::Gaussian(precision, std::vector<double>(static_cast<std::size_t>(dim), 0.0));
}

/// Largest |t| of the second moments of the draws behind warm-up, standard errors from the spread between chains (frozen samplers make
/// chains independent).
double largest_t(const test::Chains& run, Index warmup, Index dim, double half) {
  const auto chains = static_cast<double>(run.chains.size());
  double largest = 0;
  for (Index d = 0; d < dim; ++d) {
    const double sd = std::pow(10, half * (2 * static_cast<double>(d) / static_cast<double>(dim - 1) - 1));
    double mean = 0;
    double square = 0;
    for (const auto& chain : run.trace.draws) {
      double own = 0;
      for (std::size_t i = static_cast<std::size_t>(warmup); i < chain.size(); ++i) {
        own += std::pow(chain[i][static_cast<std::size_t>(d)] / sd, 2);
      }
      own /= static_cast<double>(chain.size()) - static_cast<double>(warmup);
      mean += own / chains;
      square += own * own / chains;
    }
    const double error = std::sqrt((square - mean * mean) / (chains - 1));
    largest = std::max(largest, std::abs(mean - 1) / error);
  }
  return largest;
}

// t of 63 degrees of freedom beyond 6: 1e-7; 40 comparisons: 4e-6. The trajectory length of the reference prototype was 20.2 at a step of
// 0.135 here (64 chains, 800 iterations): the longest standard deviation is 10, whose half period is 31 and quarter period 16.
TEST(EnsembleHmc, CheesLearnsATrajectoryThatCrossesTheLongestDirection) {
  const Index dim = 20;
  const auto model = stretched(dim, 1);
  const EnsembleHmc sampler(dim, {.criterion = LengthCriterion::chees, .step_size = 0.1});
  const test::Chains run(sampler, model, samplers::Run{7, 800}, {0, 64}, 1200);
  EXPECT_LT(largest_t(run, 800, dim, 1), 6);
  const double length = std::exp(run.shared[5]);
  EXPECT_GT(length, 12);
  EXPECT_LT(length, 32);
  EXPECT_NEAR(run.shared[0], 0.135, 0.04);
  // What warm-up aims at.
  const std::size_t place = test::place_of(sampler, "acceptance_rate");
  double inverse = 0;
  for (const auto& records : run.trace.records) {
    for (std::size_t i = 800; i < records.size(); ++i) inverse += 1 / std::max(1e-3, records[i][place]);
  }
  EXPECT_NEAR(64 * 400 / inverse, 0.651, 0.1);
}

TEST(EnsembleHmc, SnaperLearnsScales) {
  const Index dim = 20;
  const auto model = stretched(dim, 1);
  const EnsembleHmc sampler(dim, {.criterion = LengthCriterion::snaper, .step_size = 0.1, .target_acceptance = 0.8});
  const test::Chains run(sampler, model, samplers::Run{7, 1000}, {0, 64}, 1300);
  EXPECT_LT(largest_t(run, 1000, dim, 1), 6);
  // Scales are relative to the largest, 10; estimated from 64 chains over the last eighth of warm-up.
  for (Index d = 0; d < dim; ++d) {
    const double sd = std::pow(10, 2 * static_cast<double>(d) / static_cast<double>(dim - 1) - 1);
    EXPECT_NEAR(run.shared[static_cast<std::size_t>(10 + d)] / (sd / 10), 1, 0.15) << d;
  }
  // In these scales the target is a standard normal of standard deviation 10, of which few steps reach the other side.
  EXPECT_LT(std::exp(run.shared[5]) / run.shared[0], 20);
}

/// Largest |z| of first, second and cross moments after one step of frozen samplers from exact draws of a correlated normal.
double one_step_z(LengthCriterion criterion, Flaw flaw) {
  const models::Gaussian model({2.0, -1.2, -1.2, 1.5}, {0.0, 0.0});
  const double determinant = 2.0 * 1.5 - 1.2 * 1.2;
  const double covariance[3] = {1.5 / determinant, 1.2 / determinant, 2.0 / determinant};
  const EnsembleHmc sampler(2, {.criterion = criterion, .step_size = 0.7, .trajectory_length = 3, .flaw = flaw});
  const approximations::Density density = approximations::density_of(model);
  const Index count = 40000;
  std::vector<samplers::Chain> chains(static_cast<std::size_t>(count));
  const double a = std::sqrt(covariance[0]);
  const double b = covariance[1] / a;
  const double c = std::sqrt(covariance[2] - b * b);
  for (Index i = 0; i < count; ++i) {
    samplers::Chain& chain = chains[static_cast<std::size_t>(i)];
    const random::Stream stream{3, random::Purpose::testing, 0, static_cast<std::uint32_t>(i), 0};
    const double u = random::normal(stream, 0);
    const double v = random::normal(stream, 1);
    chain.index = i;
    chain.iteration = i % 50;  // each with a trajectory length of its own
    chain.position = {a * u, b * u + c * v};
    chain.state.resize(static_cast<std::size_t>(sampler.state_size()));
  }
  samplers::evaluate_chains(sampler, density, chains);
  std::vector<double> shared(static_cast<std::size_t>(sampler.shared_size()));
  sampler.start_shared(shared);
  samplers::Schedule schedule(sampler, density, samplers::Run{5, 0});
  Index moved = 0;
  for (samplers::Chain& chain : chains) {
    const double before = chain.position[0];
    schedule.run({&chain, 1}, chain.iteration + 1, shared, [](Index, const samplers::Chain&, std::span<const double>) {});
    moved += chain.position[0] == before ? 0 : 1;
  }
  EXPECT_GT(moved, count / 10);
  double largest = 0;
  for (int k = 0; k < 5; ++k) {
    double mean = 0;
    double square = 0;
    for (const samplers::Chain& chain : chains) {
      const double x = chain.position[0];
      const double y = chain.position[1];
      const double values[5] = {x, y, x * x - covariance[0], x * y - covariance[1], y * y - covariance[2]};
      mean += values[k] / count;
      square += values[k] * values[k] / count;
    }
    largest = std::max(largest, std::abs(mean) / std::sqrt(square / count));
  }
  return largest;
}

// Ten z beyond 5.5: 4e-7.
TEST(EnsembleHmc, OneStepLeavesTheTargetAsItIs) {
  EXPECT_LT(one_step_z(LengthCriterion::chees, Flaw::none), 5.5);
  EXPECT_LT(one_step_z(LengthCriterion::snaper, Flaw::none), 5.5);
}

TEST(EnsembleHmc, TwinsAreCaught) {
  for (const Flaw flaw : {Flaw::accept_sign, Flaw::never_rejects, Flaw::no_correction, Flaw::half_step_missing}) {
    EXPECT_GT(one_step_z(LengthCriterion::chees, flaw), 7) << static_cast<int>(flaw);
  }
}

// The same bits however the run is cut, and whatever the threads.
TEST(EnsembleHmc, BitsDoNotDependOnThreadsOrPieces) {
  const auto model = stretched(5, 0.5);
  for (const LengthCriterion criterion : {LengthCriterion::chees, LengthCriterion::snaper}) {
    const EnsembleHmc sampler(5, {.criterion = criterion});
    const test::Chains one(sampler, model, samplers::Run{2, 60}, {0, 12}, 80, 1);
    const test::Chains two(sampler, model, samplers::Run{2, 60}, {0, 12}, 80, 2);
    EXPECT_EQ(one.trace.draws, two.trace.draws);
    EXPECT_EQ(one.shared, two.shared);
    test::Chains pieces(sampler, model, samplers::Run{2, 60}, {0, 12}, 33);
    samplers::Schedule schedule(sampler, pieces.density, samplers::Run{2, 60}, 1);
    samplers::run_chains(sampler, samplers::Run{2, 60}, schedule, pieces.chains, 80, pieces.shared, pieces.trace.observer(),
                         samplers::fold_here(12));
    EXPECT_EQ(one.trace.draws, pieces.trace.draws);
  }
}

}  // namespace
}  // namespace variscope
