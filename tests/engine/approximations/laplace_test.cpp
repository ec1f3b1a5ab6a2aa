/// Laplace's approximation: exact on normal targets and conjugate regression, its Hessian by both ways, its evidence against quadrature.
#include "engine/approximations/laplace.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

#include <gtest/gtest.h>

#include "engine/families/full_rank_gaussian.hpp"
#include "engine/models/banana.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/models/linear_regression.hpp"
#include "engine/random/stream.hpp"

namespace variscope::approximations {
namespace {

const std::vector<double> kPrecision = {4.0, 1.2, -0.7, 1.2, 2.0, 0.3, -0.7, 0.3, 0.9};

/// The same density without Hessian-vector products.
Density without_hessian(Density density) {
  density.has_hessian_vector = false;
  return density;
}

TEST(Laplace, IsExactOnANormalTarget) {
  const models::Gaussian target(kPrecision, {1.0, -2.0, 0.5});
  // log of the integral: 3/2 log 2 pi - 1/2 log |H|, the determinant by cofactors.
  const double determinant = 4 * (2 * 0.9 - 0.09) - 1.2 * (1.2 * 0.9 + 0.3 * 0.7) - 0.7 * (1.2 * 0.3 + 2 * 0.7);
  for (const Density& density : {density_of(target), without_hessian(density_of(target))}) {
    const Laplace found = laplace(density, {0.0, 0.0, 0.0});
    ASSERT_TRUE(found.trouble.empty()) << found.trouble;
    EXPECT_NEAR(found.mode.lambda[0], 1.0, 1e-8);
    EXPECT_NEAR(found.mode.lambda[1], -2.0, 1e-8);
    EXPECT_NEAR(found.mode.lambda[2], 0.5, 1e-8);
    for (std::size_t k = 0; k < 9; ++k) EXPECT_NEAR(found.precision.values[k], kPrecision[k], 1e-8);
    EXPECT_NEAR(found.log_evidence, 1.5 * std::log(2 * std::numbers::pi) - 0.5 * std::log(determinant), 1e-8);
    const families::FullRankGaussian q(3, found.full_rank_lambda());
    std::vector<double> covariance(9);
    q.covariance(covariance);
    for (std::size_t k = 0; k < 9; ++k) EXPECT_NEAR(covariance[k], found.covariance.values[k], 1e-12);
  }
}

/// Conjugate regression with one coefficient and an intercept: posterior and evidence from the joint normal of the responses.
TEST(Laplace, IsExactOnConjugateRegression) {
  constexpr double kNoise = 0.7;
  constexpr double kPriorMean = 0.3;
  constexpr double kPriorSd = 1.4;
  const Index rows = 12;
  data::Table table;
  table.rows = rows;
  table.held = {0, rows};
  table.columns = {"one", "x"};
  const random::Stream stream{8, random::Purpose::testing, 3, 0, 0};
  for (Index n = 0; n < rows; ++n) {
    table.design.push_back(1.0);
    table.design.push_back(random::normal(stream, static_cast<std::uint32_t>(2 * n)));
    table.response.push_back(2 * random::normal(stream, static_cast<std::uint32_t>(2 * n + 1)));
  }
  const models::LinearRegression model(table, kNoise, kPriorMean, kPriorSd);
  const auto covariate = [&](Index n, Index d) { return table.design[static_cast<std::size_t>(2 * n + d)]; };
  // Posterior by the normal equations.
  dense::Matrix precision(2, 2);
  std::vector<double> right(2, kPriorMean / (kPriorSd * kPriorSd));
  for (Index i = 0; i < 2; ++i) {
    precision(i, i) = 1 / (kPriorSd * kPriorSd);
    for (Index n = 0; n < rows; ++n) {
      right[static_cast<std::size_t>(i)] += covariate(n, i) * table.response[static_cast<std::size_t>(n)] / (kNoise * kNoise);
      for (Index j = 0; j < 2; ++j) precision(i, j) += covariate(n, i) * covariate(n, j) / (kNoise * kNoise);
    }
  }
  const double determinant = precision(0, 0) * precision(1, 1) - precision(0, 1) * precision(0, 1);
  const double mean0 = (precision(1, 1) * right[0] - precision(0, 1) * right[1]) / determinant;
  const double mean1 = (precision(0, 0) * right[1] - precision(0, 1) * right[0]) / determinant;
  // Evidence: y ~ N(X 1 prior_mean, noise^2 + prior_sd^2 X X').
  dense::Matrix covariance(rows, rows);
  std::vector<double> residual;
  for (Index n = 0; n < rows; ++n) {
    for (Index m = 0; m < rows; ++m) {
      covariance(n, m) =
          (n == m ? kNoise * kNoise : 0) + kPriorSd * kPriorSd * (covariate(n, 0) * covariate(m, 0) + covariate(n, 1) * covariate(m, 1));
    }
    residual.push_back(table.response[static_cast<std::size_t>(n)] - kPriorMean * (covariate(n, 0) + covariate(n, 1)));
  }
  const auto lower = dense::cholesky(covariance).value();
  dense::solve_lower(lower, residual);
  const double evidence =
      -0.5 * dense::dot(residual, residual) - dense::log_diagonal(lower) - 0.5 * static_cast<double>(rows) * std::log(2 * std::numbers::pi);
  for (const Density& density : {density_of(model), without_hessian(density_of(model))}) {
    const Laplace found = laplace(density, {0.0, 0.0});
    ASSERT_TRUE(found.trouble.empty());
    EXPECT_NEAR(found.mode.lambda[0], mean0, 1e-7);
    EXPECT_NEAR(found.mode.lambda[1], mean1, 1e-7);
    EXPECT_NEAR(found.covariance(0, 0), precision(1, 1) / determinant, 1e-8);
    EXPECT_NEAR(found.covariance(0, 1), -precision(0, 1) / determinant, 1e-8);
    EXPECT_NEAR(found.log_evidence, evidence, 1e-7);
  }
}

/// The banana's mode is 0 and its evidence 2 pi scale whatever its bend; the curvature at 0 does not see the bend either.
TEST(Laplace, BothWaysToTheHessianAgreeOnACurvedTarget) {
  const models::Banana banana(3.0, 0.1);
  const Density density = density_of(banana);
  const Laplace found = laplace(density, {1.0, 1.0});
  ASSERT_TRUE(found.trouble.empty());
  EXPECT_NEAR(found.log_evidence, std::log(6 * std::numbers::pi), 1e-7);
  const std::vector<double> away{1.5, -0.7};
  const auto exact = negative_hessian(density, away);
  const auto differences = negative_hessian(without_hessian(density), away);
  for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(differences.values[k], exact.values[k], 1e-8);
  // -d^2/dx^2 = 1/9 - 2 c (y - c x^2) + 4 c^2 x^2, by hand.
  EXPECT_NEAR(exact(0, 0), 1.0 / 9 - 0.2 * (-0.7 - 0.1 * 2.25) + 0.04 * 2.25, 1e-13);
}

TEST(Laplace, SaysWhereThereIsNoMaximum) {
  Density saddle;
  saddle.dim = 2;
  saddle.evaluate = [](ConstBatchView theta, const models::Wanted& wanted, ConstBatchView, BatchView out) {
    for (Index s = 0; s < theta.count; ++s) {
      out(0, s) = -theta(0, s) * theta(0, s);  // flat in the second coordinate
      if (wanted.gradient) {
        out(1, s) = -2 * theta(0, s);
        out(2, s) = 0;
      }
    }
  };
  EXPECT_NE(laplace(saddle, {1.0, 1.0}).trouble.find("no maximum"), std::string::npos);
  const models::Banana banana(3.0, 0.1);
  EXPECT_NE(laplace(density_of(banana), {5.0, 4.0}, 2).trouble.find("evaluation limit"), std::string::npos);
  EXPECT_TRUE(laplace(density_of(banana), {5.0, 4.0}).trouble.empty());
  EXPECT_THROW((void)full_rank_lambda(std::vector<double>{0.0}, {1, 1, std::vector<double>{-1.0}}), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::approximations
