/// Microcanonical HMC: the order of its integrator, twins that must fail, what it refuses.
#include "engine/samplers/microcanonical_hmc.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/models/gaussian.hpp"
#include "tests/conformance/sampler_invariance.hpp"

namespace variscope {
namespace {

using samplers::Flaw;
using samplers::MetricKind;
using samplers::MicrocanonicalHmc;

// Mean energy error of one trajectory of fixed mean time: a fourth as large with half the steps (leapfrog is of second order).
TEST(MicrocanonicalHmc, EnergyErrorIsOfSecondOrder) {
  const auto target = test::exact_targets()[1];
  const auto spread = [&](double step_size) {
    const MicrocanonicalHmc sampler(3, {MetricKind::unit, step_size, 0, 0, Flaw::none}, {1.0, 100000});
    const samplers::Run run{4, 0};
    const test::Chains chains(sampler, *target.model, run, {0, 400}, 40);
    const std::size_t place = test::place_of(sampler, "energy_error");
    double square = 0;
    for (const auto& records : chains.trace.records) square += std::pow(records.back()[place], 2);
    return std::sqrt(square / 400);
  };
  const double ratio = spread(0.1) / spread(0.05);
  // 400 squares each, tails mild: the ratio of two root mean squares is within a fifth.
  EXPECT_NEAR(ratio, 4, 0.8);
}

TEST(MicrocanonicalHmc, TwinsAreCaught) {
  const auto target = test::exact_targets()[1];
  for (const Flaw flaw : {Flaw::accept_sign, Flaw::never_rejects, Flaw::no_correction, Flaw::half_step_missing}) {
    const MicrocanonicalHmc sampler(3, {MetricKind::unit, 0.7, 0, 0, flaw}, {1.5, 100});
    const auto result = test::one_step(sampler, target);
    EXPECT_GT(result.statistic, result.bound) << static_cast<int>(flaw);
  }
}

TEST(MicrocanonicalHmc, NeedsTwoDimensions) {
  const models::Gaussian line({1.0}, {0.0});
  EXPECT_NE(samplers::find("microcanonical_hmc")->reason_against(line), "");
}

}  // namespace
}  // namespace variscope
