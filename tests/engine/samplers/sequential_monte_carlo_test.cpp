/// Sequential Monte Carlo against evidences and moments that are known.
#include "engine/samplers/sequential_monte_carlo.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tests/engine/samplers/evidence_setting.hpp"

namespace variscope {
namespace {

using samplers::Flaw;
using samplers::PopulationSettings;
using samplers::Reference;
using samplers::SequentialMonteCarlo;

Reference prior_of(const models::Model& model) { return {model.gaussian_prior()->mean, model.gaussian_prior()->sd}; }

test::Distances of_regression(const PopulationSettings& settings) {
  const test::KnownRegression known;
  const auto model = known.model();
  return test::distances(SequentialMonteCarlo(prior_of(model), settings), model, 64, 0, settings.particles, known.log_evidence,
                         test::whitened_moments(known));
}

// 64 independent populations: Student's t with 63 degrees of freedom beyond 6.3, 3e-8 each of 5 moments and the evidence. What adaptation
// biases is of the order of 1 / particles, the errors 1 / sqrt(64 particles).
TEST(SequentialMonteCarlo, FindsMomentsAndEvidenceOfARegression) {
  const auto found = of_regression({.particles = 300});
  EXPECT_LT(found.moments, 6.3);
  EXPECT_LT(found.evidence, 6.3);
  EXPECT_LT(found.moments_error, 0.03);
  EXPECT_LT(found.evidence_error, 0.03);
}

TEST(SequentialMonteCarlo, FindsWeightsAndEvidenceOfTwoModes) {
  const auto model = test::bimodal();
  const SequentialMonteCarlo sampler({{0.0}, {1.0}}, {.particles = 500});
  const auto found = test::distances(sampler, model, 64, 0, 500, 0.0, test::bimodal_moments);
  EXPECT_LT(found.moments, 6.3);
  EXPECT_LT(found.evidence, 6.3);
  EXPECT_LT(found.moments_error, 0.02);
  EXPECT_LT(found.evidence_error, 0.03);
}

TEST(SequentialMonteCarlo, TwinsAreCaught) {
  for (const Flaw flaw : {Flaw::no_correction, Flaw::accept_sign, Flaw::never_rejects}) {
    PopulationSettings settings{.particles = 300, .step_size = 1.2, .target_acceptance = 0};
    settings.flaw = flaw;
    const auto found = of_regression(settings);
    EXPECT_GT(std::max(found.moments, found.evidence), 7) << static_cast<int>(flaw);
  }
}

TEST(SequentialMonteCarlo, TemperaturesKeepTheEffectiveSize) {
  const test::KnownRegression known;
  const auto model = known.model();
  std::vector<double> temperatures;
  for (const double share : {0.2, 0.5, 0.9}) {
    const SequentialMonteCarlo sampler(prior_of(model), {.particles = 100, .effective_share = share, .moves = 3, .steps = 4});
    const test::Chains run(sampler, model, {3, 0}, {0, 2}, 3);
    const std::size_t place = test::place_of(sampler, "n_temperatures");
    const auto& first = run.trace.records[0][0];
    temperatures.push_back(first[place]);
    EXPECT_EQ(first[1], 100 * (1 + temperatures.back() * 3 * 4));
    EXPECT_EQ(run.trace.records[0][1][1], 3 * 4);
  }
  EXPECT_LT(temperatures[0], temperatures[1]);
  EXPECT_LT(temperatures[1], temperatures[2]);
}

TEST(SequentialMonteCarlo, FailsWhereThereIsNoDensity) {
  const test::KnownRegression known;
  const auto model = known.model();
  auto density = approximations::density_of(model);
  const SequentialMonteCarlo sampler(prior_of(model), {.particles = 10});
  const samplers::Run run{3, 0};
  auto chains = samplers::start_chains(sampler, density, model, run, {}, {0, 2});
  density.evaluate = [](tiles::ConstBatchView theta, const models::Wanted&, tiles::ConstBatchView, tiles::BatchView out) {
    for (Index s = 0; s < theta.count; ++s) {
      for (Index d = 0; d < out.dim; ++d) out(d, s) = -std::numeric_limits<double>::infinity();
    }
  };
  samplers::Schedule(sampler, density, run).run(chains, 3, {}, [](Index, const samplers::Chain&, std::span<const double>) {});
  for (const samplers::Chain& chain : chains) EXPECT_EQ(chain.status, samplers::ChainStatus::failed);
}

}  // namespace
}  // namespace variscope
