/// Truths by quadrature: the banana's published figures, simulation, a conjugate model with data, and what is not available.
#include "engine/oracles/truth.hpp"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

#include "engine/models/banana.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/models/univariate.hpp"
#include "engine/oracles/moments.hpp"
#include "tests/engine/oracles/simulation.hpp"
#include "tests/engine/oracles/small_models.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;

std::vector<double> at(double m1, double m2, double s1, double s2) { return {m1, m2, std::log(s1), std::log(s2)}; }

TEST(Truth, BananaFiguresOfTheTutorial) {
  const models::Banana banana(3.0, 0.1);
  const auto mean_block = [&](const char* name, const std::vector<double>& lambda) {
    const auto t = truth(name, banana, lambda, Objective::elbo, 1);
    EXPECT_TRUE(t.has_value());
    EXPECT_LT(t->error, 1e-9);
    return 0.5 * (t->variance[0] + t->variance[1]);
  };
  EXPECT_NEAR(mean_block("sf_raw", at(0.057, 0.336, 1.944, 1.006)), 5.19, 0.005);
  EXPECT_NEAR(mean_block("pw_cfe", at(0.032, 0.360, 1.925, 1.017)), 0.919, 0.0005);
  EXPECT_NEAR(mean_block("stl", at(0.032, 0.360, 1.925, 1.017)), 0.276, 0.0005);
}

TEST(Truth, BananaObjectiveAndGradientMatchTheClosedForm) {
  const models::Banana banana(3.0, 0.1);
  const std::vector<double> lambda = at(0.5, -0.4, 1.3, 0.7);
  const OneSampleMoments one = one_sample_moments(banana, lambda, Objective::expectation);
  models::GaussianExpectation exact = test::empty_expectation(banana);
  const double scale[2] = {1.3, 0.7};
  banana.expected_log_prior(lambda.data(), scale, exact);
  EXPECT_NEAR(one.value, exact.value, one.error);
  for (std::size_t p = 0; p < 4; ++p) {
    EXPECT_NEAR(one.gradient[p], exact.gradient[p], one.error);
    EXPECT_NEAR(one.path_mean[p], exact.gradient[p], one.error);
  }
  // Entropy: sum of log scales + 1 + log 2 pi; its gradient is 1 per log scale.
  const OneSampleMoments elbo = one_sample_moments(banana, lambda, Objective::elbo);
  EXPECT_NEAR(elbo.value, exact.value + lambda[2] + lambda[3] + 1.0 + std::log(2.0 * std::numbers::pi), elbo.error);
  for (std::size_t p = 0; p < 4; ++p) EXPECT_NEAR(elbo.landing_mean[p], exact.gradient[p] + (p < 2 ? 0.0 : 1.0), elbo.error);
}

TEST(Truth, MatchesSimulationOnTheBanana) {
  // 5 estimators x 4 parameters x 2 z-scores, each beyond 4.5 with probability 7e-6 (normal limit): false alarm 3e-4. Seeds fixed.
  const models::Banana banana(2.0, 0.2);
  const std::vector<double> lambda = at(0.3, 0.5, 0.8, 0.6);
  for (const char* name : {"sf_raw", "sf_loo", "pw_cfe", "stl", "pw_antithetic"}) {
    const test::Simulated simulated = test::simulate(name, banana, lambda, Objective::elbo, 4, 40000, 41);
    const auto exact = truth(name, banana, lambda, Objective::elbo, 4);
    ASSERT_TRUE(exact.has_value());
    for (std::size_t p = 0; p < 4; ++p) {
      EXPECT_LT(std::abs(simulated.mean[p] - exact->mean[p]), 4.5 * simulated.mean_error[p]) << name << " " << p;
      EXPECT_LT(std::abs(simulated.variance[p] - exact->variance[p]), 4.5 * simulated.variance_error[p]) << name << " " << p;
    }
  }
}

TEST(Truth, ConjugateNormalMean) {
  const test::NormalMean model({0.3, -1.2, 2.1, 0.8});
  const double n = 4;
  const double sum = 2.0;
  // At the exact posterior: N + 1 and 2 for the pathwise gradient, nothing for sticking the landing.
  const std::vector<double> posterior = {sum / (n + 1.0), -0.5 * std::log(n + 1.0)};
  const auto path = truth("pw_cfe", model, posterior, Objective::elbo, 1);
  ASSERT_TRUE(path.has_value());
  EXPECT_NEAR(path->variance[0], n + 1.0, path->error);
  EXPECT_NEAR(path->variance[1], 2.0, path->error);
  EXPECT_NEAR(truth("stl", model, posterior, Objective::elbo, 1)->variance[0], 0.0, path->error);
  // Analytic KL: only sum (y - z) is random.
  const double m = 0.1;
  const double s = 0.9;
  const std::vector<double> lambda = {m, std::log(s)};
  const auto kl = truth("pw_kl", model, lambda, Objective::elbo, 2);
  ASSERT_TRUE(kl.has_value());
  const double residual = sum - n * m;
  EXPECT_NEAR(kl->mean[0], residual - m, kl->error);
  EXPECT_NEAR(kl->mean[1], 1.0 - (n + 1.0) * s * s, kl->error);
  EXPECT_NEAR(kl->variance[0], 0.5 * n * n * s * s, kl->error);
  EXPECT_NEAR(kl->variance[1], 0.5 * (s * s * residual * residual + 2.0 * n * n * std::pow(s, 4)), kl->error);
}

TEST(Truth, LeaveOneOutTendsToTheMeanBaseline) {
  const models::Univariate model(models::Univariate::Function::cosine, 1.0);
  const std::vector<double> lambda = {1.0, 0.0};
  const auto many = truth("sf_loo", model, lambda, Objective::expectation, 1000000);
  EXPECT_NEAR(many->variance[0] * 1e6, 0.43138716, 1e-5);  // the survey's mean-baseline figure
  const auto two = truth("sf_loo", model, lambda, Objective::expectation, 2);
  EXPECT_GT(two->variance[0] * 2, 0.44);  // two samples pay for estimating the baseline
}

TEST(Truth, IsAbsentWhereItDoesNotExist) {
  const models::Banana banana(3.0, 0.1);
  const std::vector<double> lambda = at(0, 0, 1, 1);
  EXPECT_FALSE(truth("sf_loo", banana, lambda, Objective::elbo, 1));
  EXPECT_FALSE(truth("pw_antithetic", banana, lambda, Objective::elbo, 3));
  EXPECT_FALSE(truth("stl", banana, lambda, Objective::expectation, 1));
  EXPECT_FALSE(truth("pw_kl", banana, lambda, Objective::elbo, 1));  // no prior declared
  EXPECT_FALSE(truth("no_such_estimator", banana, lambda, Objective::elbo, 1));
  EXPECT_FALSE(truth("pw_cfe", banana, lambda, Objective::elbo, 0));
  const models::Gaussian wide({1, 0, 0, 0, 1, 0, 0, 0, 1}, {0.0});
  EXPECT_TRUE(truth("pw_cfe", wide, std::vector<double>(6, 0.0), Objective::elbo, 1));
  EXPECT_FALSE(quadrature_truth("pw_cfe", wide, std::vector<double>(6, 0.0), Objective::elbo, 1));
  EXPECT_THROW(one_sample_moments(wide, std::vector<double>(6, 0.0), Objective::elbo), std::invalid_argument);
  EXPECT_THROW(one_sample_moments(banana, std::vector<double>(3, 0.0), Objective::elbo), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::oracles
