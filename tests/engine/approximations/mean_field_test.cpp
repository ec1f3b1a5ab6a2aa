/// The exact mean-field optimum against closed forms: normal targets and the banana.
#include "engine/approximations/mean_field.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/models/banana.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/models/linear_regression.hpp"
#include "engine/random/stream.hpp"

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

/// Linear regression's posterior is normal: its mean, and scales (sum_n x_nd^2 / noise^2 + 1 / prior^2)^-1/2.
TEST(ExactMeanField, OfALinearModelIsItsNormalEquations) {
  const Index rows = 9;
  data::Table table;
  table.rows = rows;
  table.held = {0, rows};
  table.columns = {"one", "x"};
  const random::Stream stream{8, random::Purpose::testing, 4, 0, 0};
  for (Index n = 0; n < rows; ++n) {
    table.design.push_back(1.0);
    table.design.push_back(1 + random::normal(stream, static_cast<std::uint32_t>(2 * n)));
    table.response.push_back(2 * random::normal(stream, static_cast<std::uint32_t>(2 * n + 1)));
  }
  const models::LinearRegression model(table, 0.7, 0.3, 1.4);
  double p[3] = {1 / 1.96, 0, 1 / 1.96};  // precision: 11, 12, 22
  double right[2] = {0.3 / 1.96, 0.3 / 1.96};
  for (Index n = 0; n < rows; ++n) {
    const double x = table.design[static_cast<std::size_t>(2 * n + 1)];
    const double y = table.response[static_cast<std::size_t>(n)];
    p[0] += 1 / 0.49;
    p[1] += x / 0.49;
    p[2] += x * x / 0.49;
    right[0] += y / 0.49;
    right[1] += x * y / 0.49;
  }
  const double determinant = p[0] * p[2] - p[1] * p[1];
  const auto found = exact_mean_field(expectation_of(model), {0.0, 0.0, 0.0, 0.0});
  EXPECT_NEAR(found.lambda[0], (p[2] * right[0] - p[1] * right[1]) / determinant, 1e-7);
  EXPECT_NEAR(found.lambda[1], (p[0] * right[1] - p[1] * right[0]) / determinant, 1e-7);
  EXPECT_NEAR(found.lambda[2], -0.5 * std::log(p[0]), 1e-7);
  EXPECT_NEAR(found.lambda[3], -0.5 * std::log(p[2]), 1e-7);
}

}  // namespace
}  // namespace variscope::approximations
