/// Posterior moments on a grid: closed forms, and logistic regression by nested quadrature of another kind.
#include "engine/approximations/grid_moments.hpp"

#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include <gtest/gtest.h>

#include "engine/models/beta.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/models/logistic_regression.hpp"
#include "engine/models/student_t.hpp"
#include "engine/random/stream.hpp"

namespace variscope::approximations {
namespace {

GridMoments moments_of(const models::Model& model, std::vector<double> start) {
  const Density density = density_of(model);
  return grid_moments(
      density, [&](ConstBatchView theta, BatchView out) { model.constrain(theta, out); }, model.constrained_dim(), std::move(start));
}

TEST(GridMoments, AreExactOnNormalTargets) {
  // Marginal variances: cofactors over the determinant.
  const models::Gaussian target({4.0, 1.2, -0.7, 1.2, 2.0, 0.3, -0.7, 0.3, 0.9}, {1.0, -2.0, 0.5});
  const double determinant = 4 * (2 * 0.9 - 0.09) - 1.2 * (1.2 * 0.9 + 0.3 * 0.7) - 0.7 * (1.2 * 0.3 + 2 * 0.7);
  const std::vector<double> variance = {(2 * 0.9 - 0.09) / determinant, (4 * 0.9 - 0.49) / determinant, (4 * 2 - 1.44) / determinant};
  const GridMoments found = moments_of(target, {0, 0, 0});
  ASSERT_TRUE(found.trouble.empty()) << found.trouble;
  const std::vector<double> mean = {1.0, -2.0, 0.5};
  for (std::size_t v = 0; v < 3; ++v) {
    EXPECT_NEAR(found.mean[v], mean[v], 1e-8);
    EXPECT_NEAR(found.sd[v], std::sqrt(variance[v]), 1e-8);
    EXPECT_LT(found.mean_error[v], 1e-6);
    EXPECT_LT(found.sd_error[v], 1e-6);
  }
  EXPECT_NEAR(found.log_evidence, 1.5 * std::log(2 * std::numbers::pi) - 0.5 * std::log(determinant), 1e-8);
}

TEST(GridMoments, ReachPowerTailsAndTransformedVariables) {
  const models::StudentT heavy(1, 0.5, 2.0, 6.0);
  const GridMoments of_heavy = moments_of(heavy, {0});
  ASSERT_TRUE(of_heavy.trouble.empty()) << of_heavy.trouble;
  EXPECT_NEAR(of_heavy.mean[0], 0.5, 1e-7);
  EXPECT_NEAR(of_heavy.sd[0], 2 * std::sqrt(6.0 / 4), 1e-6);
  EXPECT_NEAR(of_heavy.log_evidence, 0, 1e-7);
  const models::Beta sharp(1, 1001, 2);
  const GridMoments of_sharp = moments_of(sharp, {0});
  EXPECT_NEAR(of_sharp.mean[0], 1001.0 / 1003, 1e-9);
  EXPECT_NEAR(of_sharp.sd[0], std::sqrt(1001.0 * 2 / (1003.0 * 1003 * 1004)), 1e-9);
}

/// What has no variance must not get one.
TEST(GridMoments, SayWhenMomentsDoNotSettle) {
  const models::StudentT cauchy(1, 0.0, 1.0, 1.0);
  EXPECT_FALSE(moments_of(cauchy, {0}).trouble.empty());
  const models::Gaussian wide(std::vector<double>{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, std::vector<double>(4, 0.0));
  EXPECT_THROW(moments_of(wide, {0, 0, 0, 0}), std::invalid_argument);
}

TEST(GridMoments, OfLogisticRegressionAgreeWithNestedGaussKronrod) {
  constexpr Index kRows = 25;
  constexpr double kPriorSd = 2.5;
  data::Table table;
  table.rows = kRows;
  table.held = {0, kRows};
  table.columns = {"one", "x"};
  const random::Stream stream{3, random::Purpose::testing, 9, 0, 0};
  for (Index n = 0; n < kRows; ++n) {
    const double x = random::normal(stream, static_cast<std::uint32_t>(2 * n));
    table.design.push_back(1.0);
    table.design.push_back(x);
    const double p = 1 / (1 + std::exp(-(0.4 + 1.3 * x)));
    table.response.push_back(random::uniform(stream, static_cast<std::uint32_t>(2 * n + 1)) < p ? 1.0 : 0.0);
  }
  const models::LogisticRegression model(table, 0.0, kPriorSd);
  const GridMoments found = moments_of(model, {0, 0});
  ASSERT_TRUE(found.trouble.empty()) << found.trouble;
  const auto density = [&](double a, double b) {
    double log_p = -(a * a + b * b) / (2 * kPriorSd * kPriorSd);
    for (std::size_t n = 0; n < static_cast<std::size_t>(kRows); ++n) {
      const double eta = a + b * table.design[2 * n + 1];
      log_p -= std::log1p(std::exp(table.response[n] > 0.5 ? -eta : eta));
    }
    return std::exp(log_p + 12);  // about its height, so that tolerances mean something
  };
  using Rule = boost::math::quadrature::gauss_kronrod<double, 31>;
  const auto integral = [&](auto f) {
    return Rule::integrate(
        [&](double a) { return Rule::integrate([&](double b) { return f(a, b) * density(a, b); }, -12.0, 18.0, 8, 1e-11); }, -12.0, 12.0, 8,
        1e-11);
  };
  const double total = integral([](double, double) { return 1.0; });
  const double mean_a = integral([](double a, double) { return a; }) / total;
  const double mean_b = integral([](double, double b) { return b; }) / total;
  EXPECT_NEAR(found.mean[0], mean_a, 1e-7);
  EXPECT_NEAR(found.mean[1], mean_b, 1e-7);
  EXPECT_NEAR(found.sd[0], std::sqrt(integral([&](double a, double) { return (a - mean_a) * (a - mean_a); }) / total), 1e-7);
  EXPECT_NEAR(found.sd[1], std::sqrt(integral([&](double, double b) { return (b - mean_b) * (b - mean_b); }) / total), 1e-7);
}

}  // namespace
}  // namespace variscope::approximations
