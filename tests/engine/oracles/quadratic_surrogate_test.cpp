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
    Options options;
    options.surrogate = surrogate;
    const auto closed = truth("pw_quadratic", target, "mean_field_gaussian", kLambda, Objective::elbo, 3, options);
    const auto grid = quadrature_truth("pw_quadratic", target, "mean_field_gaussian", kLambda, Objective::elbo, 3, options);
    ASSERT_TRUE(closed && grid);
    for (std::size_t p = 0; p < 4; ++p) {
      EXPECT_NEAR(closed->mean[p], grid->mean[p], closed->error + grid->error);
      EXPECT_NEAR(closed->variance[p], grid->variance[p], closed->error + grid->error);
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

TEST(QuadraticSurrogate, TheFitTakesAllOfASeparableTarget) {
  const models::Gaussian target({2, 0, 0, 1.5}, {.3, -.2});
  const auto fitted = truth("pw_quadratic", target, kLambda, Objective::elbo, 1);
  for (const double v : fitted->variance) EXPECT_NEAR(v, 0, 1e-14);
}

}  // namespace
}  // namespace variscope::oracles
