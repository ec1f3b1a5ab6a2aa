/// The quadratic surrogate's two independent forms, and what its coefficients are for.
#include "engine/oracles/quadratic_surrogate.hpp"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "engine/oracles/truth.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;

const std::vector<double> kLambda = {0.4, -0.7, std::log(0.8), std::log(1.3)};

TEST(QuadraticSurrogate, ClosedFormMatchesQuadrature) {
  const models::Gaussian target({2, .6, .6, 1.5}, {.3, -.2});
  const std::vector<double> coefficients = {0.5, -0.3, -1.2, 0.4};
  for (const auto& surrogate : {std::vector<double>{}, coefficients}) {
    for (const bool full : {false, true}) {
      Options options;
      options.surrogate = surrogate;
      std::vector<double> lambda = kLambda;
      if (full) lambda.push_back(-0.6);
      const std::string family = full ? "full_rank_gaussian" : "mean_field_gaussian";
      const auto closed = truth("pw_quadratic", target, family, lambda, Objective::elbo, 3, options);
      const auto grid = quadrature_truth("pw_quadratic", target, family, lambda, Objective::elbo, 3, options);
      ASSERT_TRUE(closed && grid);
      for (std::size_t p = 0; p < lambda.size(); ++p) {
        EXPECT_NEAR(closed->mean[p], grid->mean[p], closed->error + grid->error);
        EXPECT_NEAR(closed->variance[p], grid->variance[p], closed->error + grid->error);
      }
    }
  }
}

TEST(QuadraticSurrogate, LeavesTheMeanAloneAndZeroIsThePlainEstimator) {
  const models::Gaussian target({2, .6, .6, 1.5}, {.3, -.2});
  Options options;
  options.surrogate = {0, 0, 0, 0};
  const auto nothing = truth("pw_quadratic", target, "mean_field_gaussian", kLambda, Objective::elbo, 2, options);
  const auto plain = truth("pw_cfe", target, kLambda, Objective::elbo, 2);
  for (std::size_t p = 0; p < 4; ++p) {
    EXPECT_NEAR(nothing->mean[p], plain->mean[p], 1e-13);
    EXPECT_NEAR(nothing->variance[p], plain->variance[p], 1e-13);
  }
}

TEST(QuadraticSurrogate, TheFitBeatsItsNeighboursUnderAFullFactor) {
  // Least squares in z - m leaves the least variance of the mean's gradient, whatever the factor.
  const models::Gaussian target({2, .6, .6, 1.5}, {.3, -.2});
  std::vector<double> lambda = kLambda;
  lambda.push_back(-0.6);
  const LocationScale q = full_rank(2, lambda, FactorLayout::log_diagonal);
  const double best = quadratic_surrogate_variance(target, q, {})[1];
  // Cov(g, z) / Var z of the second coordinate: -(H Sigma)_22 / Sigma_22, Sigma = L L' by hand.
  const double a = 0.8;
  const double b = 1.3;
  const double covariance = a * -0.6;
  const double variance = 0.36 + b * b;
  const double slope = -(0.6 * covariance + 1.5 * variance) / variance;
  for (const double step : {-0.01, 0.0, 0.01}) {
    const std::vector<double> near = {0, 0, 0, slope + step};
    EXPECT_NEAR(quadratic_surrogate_variance(target, q, near)[1], best + step * step * variance, 1e-14);
  }
}

TEST(QuadraticSurrogate, TheFitTakesAllOfASeparableTarget) {
  const models::Gaussian target({2, 0, 0, 1.5}, {.3, -.2});
  const auto fitted = truth("pw_quadratic", target, kLambda, Objective::elbo, 1);
  for (const double v : fitted->variance) EXPECT_NEAR(v, 0, 1e-14);
}

}  // namespace
}  // namespace variscope::oracles
