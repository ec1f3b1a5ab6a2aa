/// L-BFGS and truncated Newton on functions whose maximum is known, its determinism, and what it says about how it ended.
#include "engine/optimizers/lbfgs.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace variscope::optimizers {
namespace {

/// -1/2 sum c_i (x_i - i)^2 with curvatures from 1 to 1e4, plus 3.
double quadratic(std::span<const double> x, std::span<double> gradient) {
  double value = 3;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double c = std::pow(10.0, 4.0 * static_cast<double>(i) / static_cast<double>(x.size() - 1));
    const double shift = x[i] - static_cast<double>(i);
    value -= 0.5 * c * shift * shift;
    gradient[i] = -c * shift;
  }
  return value;
}

/// Minus Rosenbrock's valley; maximum 0 at (1, 1).
double rosenbrock(std::span<const double> x, std::span<double> gradient) {
  const double bend = x[1] - x[0] * x[0];
  gradient[0] = 2 * (1 - x[0]) + 400 * x[0] * bend;
  gradient[1] = -200 * bend;
  return -(1 - x[0]) * (1 - x[0]) - 100 * bend * bend;
}

TEST(Lbfgs, FindsTheTopOfAQuadratic) {
  const Maximum found = maximise(quadratic, std::vector<double>(12, -1.0));
  ASSERT_EQ(found.lambda.size(), 12U);
  // Flat to rounding there: (1e-6)^2 / 2 is a few bits of the value.
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(found.lambda[i], static_cast<double>(i), 1e-6) << i;
  EXPECT_NEAR(found.value, 3.0, 1e-10);
  EXPECT_LT(found.gradient_norm, 1e-4);
  EXPECT_LT(found.evaluations, 500);
  EXPECT_FALSE(found.status.empty());
}

/// Log likelihood of 100 columns of 400 000 normal numbers as a function of their means and log sds: curvatures of 1e5 and more.
/// The maximum is at the columns' moments, means (j - 50) / 20 and sds exp(j / 50 - 1); its value is -N (sum log sd + 100 / 2).
double columns_of_normals(std::span<const double> x, std::span<double> gradient) {
  constexpr double kRows = 4e5;
  double value = 0;
  for (std::size_t j = 0; j < 100; ++j) {
    const double place = static_cast<double>(j);
    const double mean = (place - 50) / 20;
    const double variance = std::exp(place / 25 - 2);
    const double precision = std::exp(-2 * x[100 + j]);
    const double square = variance + (x[j] - mean) * (x[j] - mean);
    value -= kRows * (x[100 + j] + 0.5 * square * precision);
    gradient[j] = -kRows * (x[j] - mean) * precision;
    gradient[100 + j] = -kRows * (1 - square * precision);
  }
  return value;
}

TEST(Lbfgs, FindsTheTopOfALikelihoodOfManyRows) {
  const Maximum found = maximise(columns_of_normals, std::vector<double>(200, 0.0));
  double value = 0;
  for (std::size_t j = 0; j < 100; ++j) {
    const double place = static_cast<double>(j);
    EXPECT_NEAR(found.lambda[j], (place - 50) / 20, 1e-5) << j;
    EXPECT_NEAR(found.lambda[100 + j], place / 50 - 1, 1e-5) << j;
    value -= 4e5 * (place / 50 - 1 + 0.5);
  }
  EXPECT_NEAR(found.value, value, 1e-9 * std::abs(value));
}

/// Log scales of a normal q under a target of precisions 1, 10, ..., 1e6: sum rho_i - c_i exp(2 rho_i) / 2, at its top where rho_i =
/// -log(c_i) / 2. From rho = 0 a step along the gradient by its own length sends the last scale to exp(-1e6), where nothing leads back.
double log_scales(std::span<const double> x, std::span<double> gradient) {
  double value = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double square = std::pow(10.0, static_cast<double>(i)) * std::exp(2 * x[i]);
    value += x[i] - 0.5 * square;
    gradient[i] = 1 - square;
  }
  return value;
}

TEST(Lbfgs, IsNotThrownOffByALongGradient) {
  const Maximum found = maximise(log_scales, std::vector<double>(7, 0.0));
  EXPECT_TRUE(found.found) << found.gradient_norm << ' ' << found.status;
  for (std::size_t i = 0; i < 7; ++i) EXPECT_NEAR(found.lambda[i], -0.5 * std::log(10.0) * static_cast<double>(i), 1e-5) << i;
}

TEST(Lbfgs, SaysWhereItFoundNothing) {
  const auto slope = [](std::span<const double> x, std::span<double> gradient) {
    gradient[0] = 1;
    return x[0];
  };
  EXPECT_FALSE(maximise(slope, {0.0}, 50).found);
  const auto nowhere = [](std::span<const double>, std::span<double> gradient) {
    gradient[0] = std::nan("");
    return -INFINITY;
  };
  EXPECT_FALSE(maximise(nowhere, {0.0}, 50).found);
}

TEST(Lbfgs, FollowsRosenbrocksValley) {
  const Maximum found = maximise(rosenbrock, {-1.2, 1.0});
  EXPECT_NEAR(found.lambda[0], 1.0, 1e-6);
  EXPECT_NEAR(found.lambda[1], 1.0, 1e-6);
  EXPECT_NEAR(found.value, 0.0, 1e-11);
  EXPECT_LT(found.evaluations, 200);
}

TEST(Lbfgs, ReportsValueAndGradientNormOfItsResult) {
  const Maximum found = maximise(rosenbrock, {-1.2, 1.0}, 7);
  std::vector<double> gradient(2);
  EXPECT_EQ(found.value, rosenbrock(found.lambda, gradient));
  EXPECT_EQ(found.gradient_norm, std::sqrt(gradient[0] * gradient[0] + gradient[1] * gradient[1]));
  EXPECT_EQ(found.status, "evaluation limit reached");
  EXPECT_LE(found.evaluations, 7 + 5);  // a line search under way is ended, not cut off
}

TEST(Lbfgs, StaysAtAMaximum) {
  const Maximum found = maximise(rosenbrock, {1.0, 1.0});
  EXPECT_EQ(found.lambda, (std::vector<double>{1.0, 1.0}));
  EXPECT_EQ(found.gradient_norm, 0.0);
}

TEST(Lbfgs, SameObjectiveSameBits) {
  const Maximum first = maximise(rosenbrock, {-1.2, 1.0});
  const Maximum second = maximise(rosenbrock, {-1.2, 1.0});
  EXPECT_EQ(first.lambda, second.lambda);
  EXPECT_EQ(first.value, second.value);
  EXPECT_EQ(first.evaluations, second.evaluations);
}

TEST(TruncatedNewton, FindsWhatLbfgsFinds) {
  const Maximum top = maximise(quadratic, std::vector<double>(12, -1.0), 2000, Search::truncated_newton);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(top.lambda[i], static_cast<double>(i), 1e-7) << i;
  const Maximum valley = maximise(rosenbrock, {-1.2, 1.0}, 2000, Search::truncated_newton);
  EXPECT_NEAR(valley.lambda[0], 1.0, 1e-6);
  EXPECT_NEAR(valley.lambda[1], 1.0, 1e-6);
  EXPECT_LT(valley.evaluations, 1000);
  const Maximum again = maximise(rosenbrock, {-1.2, 1.0}, 2000, Search::truncated_newton);
  EXPECT_EQ(again.lambda, valley.lambda);
  EXPECT_EQ(again.evaluations, valley.evaluations);
  EXPECT_NE(maximise(rosenbrock, {-1.2, 1.0}).evaluations, valley.evaluations);  // another search
}

}  // namespace
}  // namespace variscope::optimizers
