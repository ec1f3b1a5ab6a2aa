/// Samplers that are broken on purpose: the invariance test must catch each of them.
#include <gtest/gtest.h>

#include "engine/samplers/elliptical_slice.hpp"
#include "engine/samplers/hmc.hpp"
#include "engine/samplers/mala.hpp"
#include "engine/samplers/nuts.hpp"
#include "engine/samplers/random_walk_metropolis.hpp"
#include "tests/conformance/sampler_invariance.hpp"

namespace variscope {
namespace {

using samplers::Flaw;
using samplers::MetricKind;

test::ExactTarget correlated() { return test::exact_targets()[1]; }

void expect_caught(const samplers::Sampler& sampler, const test::ExactTarget& target, const std::string& what) {
  const auto result = test::one_step(sampler, target);
  EXPECT_GT(result.statistic, result.bound) << what;
}

TEST(SamplerTwins, OfRandomWalkMetropolisAreCaught) {
  const auto target = correlated();
  for (const Flaw flaw : {Flaw::accept_sign, Flaw::never_rejects})
    expect_caught(samplers::RandomWalkMetropolis(3, {MetricKind::unit, 1.0, 0, flaw}), target, std::to_string(static_cast<int>(flaw)));
}

TEST(SamplerTwins, OfMalaAreCaught) {
  const auto target = correlated();
  for (const Flaw flaw : {Flaw::accept_sign, Flaw::never_rejects, Flaw::no_correction})
    expect_caught(samplers::Mala(3, {MetricKind::unit, 0.9, 0.5, 0, flaw}), target, std::to_string(static_cast<int>(flaw)));
}

TEST(SamplerTwins, OfHmcAreCaught) {
  const auto target = correlated();
  for (const Flaw flaw : {Flaw::accept_sign, Flaw::never_rejects, Flaw::no_correction, Flaw::half_step_missing})
    expect_caught(samplers::Hmc(3, {MetricKind::unit, 0.7, 0.8, 0, flaw}, {3, 0, 10}), target, std::to_string(static_cast<int>(flaw)));
}

TEST(SamplerTwins, OfNutsAreCaught) {
  const auto target = correlated();
  for (const Flaw flaw : {Flaw::accept_sign, Flaw::last_state})
    expect_caught(samplers::Nuts(3, {MetricKind::unit, 1.0, 0.8, 0, flaw}, 10), target, std::to_string(static_cast<int>(flaw)));
}

TEST(SamplerTwins, OfEllipticalSliceAreCaught) {
  const auto target = correlated();
  for (const Flaw flaw : {Flaw::never_rejects, Flaw::no_correction})
    expect_caught(samplers::EllipticalSlice(*target.model->gaussian_prior(), flaw), target, std::to_string(static_cast<int>(flaw)));
}

// A scale sampled by its logarithm without the Jacobian of that: the funnel's v off by what log |J| = v would have added.
TEST(SamplerTwins, AMissingJacobianIsCaught) {
  const auto target = test::exact_targets()[2];
  auto density = approximations::density_of(*target.model);
  const auto right = density.evaluate;
  density.evaluate = [right](tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView direction,
                             tiles::BatchView out) {
    right(theta, wanted, direction, out);
    for (Index s = 0; s < theta.count; ++s) {
      out(0, s) -= theta(0, s);
      if (wanted.gradient) out(1, s) -= 1;
    }
  };
  for (const samplers::Entry& entry : samplers::catalogue()) {
    if (!entry.capabilities.exact || (entry.reason_against && !entry.reason_against(*target.model).empty())) continue;
    const auto sampler = test::make_sampler(entry.name, *target.model, entry.smoke[0].numbers, entry.smoke[0].words);
    const auto result = test::one_step(*sampler, target, density);
    EXPECT_GT(result.statistic, result.bound) << entry.name;
  }
}

}  // namespace
}  // namespace variscope
