/// Pathwise estimators: where their variance vanishes exactly, where it must not, and which models they refuse.
#include "engine/estimators/pathwise.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/models/banana.hpp"
#include "engine/models/gaussian.hpp"
#include "tests/conformance/model_subject.hpp"
#include "tests/engine/estimators/call.hpp"

namespace variscope::estimators {
namespace {

/// Largest spread over `replicates` M-sample estimates among parameters [first, last).
double spread(const std::string& name, const models::Model& model, const std::vector<double>& lambda, Index samples, std::size_t first,
              std::size_t last) {
  const auto estimator = find(name)->make();
  const Index replicates = 50;
  const test::Call call(*estimator, model, lambda, replicates * samples, 95);
  double widest = 0;
  std::vector<double> least;
  std::vector<double> most;
  for (Index r = 0; r < replicates; ++r) {
    const auto g = test::estimate(*estimator, call, Objective::elbo, samples, r * samples);
    if (r == 0) least = most = g;
    for (std::size_t p = first; p < last; ++p) {
      least[p] = std::min(least[p], g[p]);
      most[p] = std::max(most[p], g[p]);
      widest = std::max(widest, most[p] - least[p]);
    }
  }
  return widest;
}

TEST(StickingTheLanding, HasNoVarianceWhereQIsTheTarget) {
  const models::Gaussian target({4, 0, 0, 0, 0.25, 0, 0, 0, 1}, {0.5, -2.0, 0.0});
  const std::vector<double> lambda{0.5, -2.0, 0.0, std::log(0.5), std::log(2.0), 0.0};
  // Rounding of z near -2, times the precision, times a scale.
  EXPECT_LT(spread("stl", target, lambda, 1, 0, 6), 1e-13);
  EXPECT_GT(spread("pw_cfe", target, lambda, 1, 0, 6), 1.0);
  // And the gradient there is zero.
  const auto stl = find("stl")->make();
  const test::Call call(*stl, target, lambda, 8, 96);
  for (const double g : test::estimate(*stl, call, Objective::elbo, 8)) EXPECT_NEAR(g, 0.0, 1e-13);
}

TEST(StickingTheLanding, HasVarianceWhereTheFamilyMissesTheTarget) {
  // Correlated precision at the mean-field optimum: off-diagonal terms stay.
  const models::Gaussian target({2, 0.6, 0.6, 1.5}, {0.0});
  EXPECT_GT(spread("stl", target, {0.0, 0.0, -0.5 * std::log(2.0), -0.5 * std::log(1.5)}, 1, 0, 4), 0.1);
}

TEST(Antithetic, HasNoMeanGradientVarianceOnQuadratics) {
  const models::Gaussian target({2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1}, {0.5, -1.0, 2.0});
  const std::vector<double> lambda{1.0, -0.5, 0.3, 0.0, -0.4, 0.3};
  for (const Index samples : {2, 8}) {
    EXPECT_LT(spread("pw_antithetic", target, lambda, samples, 0, 3), 1e-13);
    EXPECT_GT(spread("pw_antithetic", target, lambda, samples, 3, 6), 0.5);  // the even part stays
    EXPECT_GT(spread("pw_cfe", target, lambda, samples, 0, 3), 0.5);
  }
  EXPECT_GT(spread("pw_antithetic", models::Banana(2.0, 0.2), {0.4, 0.2, 0.0, 0.0}, 2, 0, 2), 0.1);  // no quadratic
}

TEST(Antithetic, OnlyItMirrorsItsNoise) {
  for (const Entry& entry : catalogue()) EXPECT_EQ(entry.make()->antithetic(), entry.name == "pw_antithetic") << entry.name;
}

TEST(Pathwise, WhoServesWhom) {
  const models::Gaussian gaussian({1}, {0.0});
  const test::Subject logistic(*models::find("logistic_regression"));
  const auto reason = find("pw_kl")->incompatible(gaussian, Objective::elbo);
  EXPECT_NE(reason.value_or("").find("normal prior"), std::string::npos);
  EXPECT_FALSE(find("pw_kl")->incompatible(*logistic.model, Objective::elbo));
  EXPECT_FALSE(find("pw_kl")->incompatible(*logistic.model, Objective::expectation));
  EXPECT_FALSE(find("stl")->incompatible(gaussian, Objective::elbo));
  EXPECT_NE(find("stl")->incompatible(gaussian, Objective::expectation).value_or("").find("no entropy"), std::string::npos);
  for (const Objective objective : {Objective::elbo, Objective::expectation}) {
    EXPECT_FALSE(find("pw_cfe")->incompatible(gaussian, objective));
    EXPECT_FALSE(find("pw_antithetic")->incompatible(gaussian, objective));
  }
}

TEST(Pathwise, NumbersOfSamples) {
  for (Index samples = 1; samples <= 9; ++samples) {
    const auto reason = find("pw_antithetic")->bad_samples(samples);
    EXPECT_EQ(reason.has_value(), samples % 2 == 1);
    if (reason) {
      EXPECT_NE(reason->find("even"), std::string::npos);
    }
    for (const char* name : {"pw_cfe", "pw_kl", "stl"}) EXPECT_FALSE(find(name)->bad_samples(samples)) << name;
  }
}

TEST(Pathwise, OnlyTheClosedFormKlSkipsThePrior) {
  for (const Entry& entry : catalogue()) EXPECT_EQ(entry.make()->sampled_prior(), entry.name != "pw_kl") << entry.name;
}

}  // namespace
}  // namespace variscope::estimators
