/// The exact mean-field optimum against closed forms: normal targets and the banana.
#include "engine/approximations/mean_field.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/models/banana.hpp"
#include "engine/models/gaussian.hpp"

namespace variscope::approximations {
namespace {

TEST(ExactMeanField, OfANormalTargetHasTheDiagonalOfItsPrecision) {
  const std::vector<double> precision = {4.0, 1.2, -0.7, 1.2, 2.0, 0.3, -0.7, 0.3, 0.9};
  const std::vector<double> mean{1.0, -2.0, 0.5};
  const models::Gaussian target(precision, mean);
  const auto found = exact_mean_field(expectation_of(target), std::vector<double>(6, 0.0));
  double value = 1.5 * std::log(2 * std::numbers::pi);
  for (std::size_t d = 0; d < 3; ++d) {
    EXPECT_NEAR(found.lambda[d], mean[d], 1e-7);
    EXPECT_NEAR(found.lambda[3 + d], -0.5 * std::log(precision[4 * d]), 1e-7);
    value -= 0.5 * std::log(precision[4 * d]);
  }
  EXPECT_NEAR(found.value, value, 1e-10);
}

/// ELBO -1/2 (s1^2 / b^2 + s2^2 + (m2 - c s1^2)^2 + 2 c^2 s1^4) + log s1 s2 + ..., so s2 = 1, m2 = c s1^2, 4 c^2 s1^4 + s1^2 / b^2 = 1.
TEST(ExactMeanField, OfTheBananaSolvesAQuadraticEquation) {
  const double b = 3.0;
  const double c = 0.1;
  const models::Banana banana(b, c);
  const double square = (-1 / (b * b) + std::sqrt(1 / (b * b * b * b) + 16 * c * c)) / (8 * c * c);
  const auto found = exact_mean_field(expectation_of(banana), {0.5, 0.5, 0.0, 0.0});
  EXPECT_NEAR(found.lambda[0], 0.0, 1e-6);
  EXPECT_NEAR(found.lambda[1], c * square, 1e-6);
  EXPECT_NEAR(found.lambda[2], 0.5 * std::log(square), 1e-6);
  EXPECT_NEAR(found.lambda[3], 0.0, 1e-6);
  const double value =
      -0.5 * (square / (b * b) + 1 + 2 * c * c * square * square) + 0.5 * std::log(square) + 1 + std::log(2 * std::numbers::pi);
  EXPECT_NEAR(found.value, value, 1e-10);
  EXPECT_LT(found.value, std::log(2 * std::numbers::pi * b));  // a lower bound of the evidence
}

}  // namespace
}  // namespace variscope::approximations
