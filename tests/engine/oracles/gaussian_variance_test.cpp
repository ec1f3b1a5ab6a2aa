/// Closed-form variances on the Gaussian target: published traces, limits, quadrature and simulation.
#include "engine/oracles/gaussian_variance.hpp"

#include <cmath>
#include <numeric>
#include <stdexcept>

#include <gtest/gtest.h>

#include "engine/oracles/truth.hpp"
#include "tests/engine/oracles/simulation.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;

const std::vector<double> kPrecision = {2.0, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1.0};

double trace(const std::vector<double>& variance) { return std::accumulate(variance.begin(), variance.end(), 0.0); }

TEST(GaussianVariance, TracesOfTheWorkedExample) {
  const models::Gaussian target(kPrecision, {0.0});
  const std::vector<double> start = {1.0, -0.5, 0.3, 0.0, 0.0, 0.0};
  EXPECT_NEAR(trace(closed_form_entropy_variance(target, start)), 26.823, 5e-4);
  EXPECT_NEAR(trace(stick_the_landing_variance(target, start)), 8.823, 5e-4);
  // Mean-field optimum: m = a, s_i^2 = 1 / H_ii.
  const std::vector<double> optimum = {0.0, 0.0, 0.0, -0.5 * std::log(2.0), -0.5 * std::log(1.5), 0.0};
  EXPECT_NEAR(trace(closed_form_entropy_variance(target, optimum)), 11.865, 5e-4);
  EXPECT_NEAR(trace(stick_the_landing_variance(target, optimum)), 1.365, 5e-4);
  for (const double g : gaussian_gradient(target, optimum, Objective::elbo)) EXPECT_NEAR(g, 0.0, 1e-15);
  // Narrow q: sticking the landing is far worse.
  const double rho = std::log(0.1);
  const std::vector<double> narrow = {0.0, 0.0, 0.0, rho, rho, rho};
  EXPECT_NEAR(trace(closed_form_entropy_variance(target, narrow)), 0.0863, 5e-5);
  EXPECT_NEAR(trace(stick_the_landing_variance(target, narrow)), 296.906, 5e-4);
}

TEST(GaussianVariance, SticksTheLandingExactlyWhereQIsP) {
  const models::Gaussian target({4.0, 0.0, 0.0, 0.25}, {1.0, -2.0});
  const std::vector<double> lambda = {1.0, -2.0, -std::log(2.0), std::log(2.0)};
  for (const double v : stick_the_landing_variance(target, lambda)) EXPECT_NEAR(v, 0.0, 1e-30);
  // There f = l - log q is constant: the baseline removes all noise too, the raw score function keeps it.
  for (const double v : leave_one_out_variance(target, lambda, Objective::elbo, 4)) EXPECT_NEAR(v, 0.0, 1e-30);
  EXPECT_GT(trace(score_function_variance(target, lambda, Objective::elbo)), 0.1);
}

TEST(GaussianVariance, SurveyFormulasForTheSquare) {
  // -1/2 (z-a)^2 H with H = -2 is no density, but scaling does it: (x-k)^2 = -2 l for H = 1, so its variances are 4 times those of l.
  const models::Gaussian target({1.0}, {0.0});
  for (const double a : {1.0, -2.0, 0.3}) {
    const std::vector<double> lambda = {a, 0.0};
    EXPECT_NEAR(4.0 * score_function_variance(target, lambda, Objective::expectation)[0], std::pow(a, 4) + 14.0 * a * a + 15.0, 1e-12);
    EXPECT_NEAR(4.0 * closed_form_entropy_variance(target, lambda)[0], 4.0, 1e-12);
    EXPECT_NEAR(4.0 * closed_form_entropy_variance(target, lambda)[1], 4.0 * a * a + 8.0, 1e-12);
  }
  EXPECT_NEAR(4.0 * score_function_variance(target, std::vector<double>{1.0, 0.0}, Objective::expectation)[1], 136.0, 1e-12);
}

TEST(GaussianVariance, MatchesQuadratureInTwoDimensions) {
  const models::Gaussian target({1.7, -0.8, -0.8, 0.9}, {0.4, -0.2});
  const std::vector<double> lambda = {-0.6, 1.1, 0.3, -0.7};
  for (const auto objective : {Objective::elbo, Objective::expectation}) {
    for (const char* name : {"sf_raw", "sf_loo", "pw_cfe", "stl", "pw_antithetic"}) {
      for (const Index samples : {2, 6}) {
        const auto closed = truth(name, target, lambda, objective, samples);
        const auto numeric = quadrature_truth(name, target, lambda, objective, samples);
        ASSERT_EQ(closed.has_value(), numeric.has_value());
        if (!closed) continue;
        EXPECT_LT(numeric->error, 1e-9);
        EXPECT_LT(closed->error, 1e-11);
        for (std::size_t p = 0; p < 4; ++p) {
          EXPECT_NEAR(closed->mean[p], numeric->mean[p], closed->error + numeric->error) << name;
          EXPECT_NEAR(closed->variance[p], numeric->variance[p], closed->error + numeric->error) << name;
        }
      }
    }
  }
}

TEST(GaussianVariance, MatchesSimulationInThreeDimensions) {
  // 5 estimators x 6 parameters x 2 z-scores, each beyond 4.5 with probability 7e-6 (normal limit): false alarm 4e-4. Seeds fixed.
  const models::Gaussian target(kPrecision, {0.2});
  const std::vector<double> lambda = {1.0, -0.5, 0.3, -0.2, 0.1, -0.6};
  const auto check = [&](const char* kind, Index samples, const std::vector<double>& variance) {
    const test::Simulated simulated = test::simulate(kind, target, lambda, Objective::elbo, samples, 40000, 31);
    const std::vector<double> mean = gaussian_gradient(target, lambda, Objective::elbo);
    for (std::size_t p = 0; p < 6; ++p) {
      EXPECT_LT(std::abs(simulated.mean[p] - mean[p]), 4.5 * simulated.mean_error[p] + 1e-12) << kind << " " << p;
      EXPECT_LT(std::abs(simulated.variance[p] - variance[p]), 4.5 * simulated.variance_error[p] + 1e-12) << kind << " " << p;
    }
  };
  const auto halved = [](std::vector<double> v) {
    for (double& x : v) x /= 2;
    return v;
  };
  check("pw_cfe", 2, halved(closed_form_entropy_variance(target, lambda)));
  check("stl", 2, halved(stick_the_landing_variance(target, lambda)));
  check("pw_antithetic", 4, halved(antithetic_pair_variance(target, lambda)));
  check("sf_raw", 2, halved(score_function_variance(target, lambda, Objective::elbo)));
  check("sf_loo", 3, leave_one_out_variance(target, lambda, Objective::elbo, 3));
}

TEST(GaussianVariance, SampleCovarianceVarianceOfTwoKnownCases) {
  // f = h ~ N(0,1): the sample variance, 2 / (M - 1).
  for (const Index m : {2, 3, 10}) EXPECT_NEAR(sample_covariance_variance(3.0, 1.0, 1.0, 1.0, m), 2.0 / static_cast<double>(m - 1), 1e-15);
  // f = h = +-1 with equal odds, M = 2: covariance is 0 or 2 with equal odds.
  EXPECT_NEAR(sample_covariance_variance(1.0, 1.0, 1.0, 1.0, 2), 1.0, 1e-15);
  EXPECT_THROW(sample_covariance_variance(1.0, 1.0, 1.0, 1.0, 1), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::oracles
