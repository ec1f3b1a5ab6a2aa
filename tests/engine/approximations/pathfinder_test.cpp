/// Pathfinder: its inverse Hessian against the BFGS recursion, exact in one dimension, its draws, and its weights on known targets.
#include "engine/approximations/pathfinder.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/diagnostics/pareto.hpp"
#include "engine/models/banana.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/random/stream.hpp"

namespace variscope::approximations {
namespace {

using dense::Matrix;

std::vector<double> random_vector(std::size_t size, std::uint32_t task) {
  std::vector<double> values;
  const random::Stream stream{4, random::Purpose::testing, task, 0, 0};
  for (std::size_t i = 0; i < size; ++i) values.push_back(random::normal(stream, static_cast<std::uint32_t>(i)));
  return values;
}

/// H <- (1 - r s y') H (1 - r y s') + r s s', r = 1 / s'y: the definition, from the diagonal on.
Matrix recursion(const CurvatureHistory& history) {
  const auto dim = static_cast<Index>(history.diagonal().size());
  Matrix h(dim, dim);
  for (Index d = 0; d < dim; ++d) h(d, d) = history.diagonal()[static_cast<std::size_t>(d)];
  for (Index k = 0; k < history.size(); ++k) {
    const auto& s = history.s(k);
    const auto& y = history.y(k);
    const double r = 1 / dense::dot(s, y);
    Matrix left = dense::identity(dim);
    for (Index i = 0; i < dim; ++i) {
      for (Index j = 0; j < dim; ++j) left(i, j) -= r * s[static_cast<std::size_t>(i)] * y[static_cast<std::size_t>(j)];
    }
    h = dense::product(left, dense::product(h, dense::transposed(left)));
    for (Index i = 0; i < dim; ++i) {
      for (Index j = 0; j < dim; ++j) h(i, j) += r * s[static_cast<std::size_t>(i)] * s[static_cast<std::size_t>(j)];
    }
  }
  return h;
}

/// Pairs of a normal target whose precision is `precision`; more of them than the memory, in few and in many dimensions.
TEST(InverseHessian, IsTheBfgsRecursion) {
  for (const Index dim : {1, 2, 5, 30}) {
    const auto size = static_cast<std::size_t>(dim);
    Matrix root(dim, dim, random_vector(size * size, 1));
    Matrix precision = dense::product(root, dense::transposed(root));
    for (Index d = 0; d < dim; ++d) precision(d, d) += 1;
    CurvatureHistory history(dim, 4);
    for (std::uint32_t k = 0; k < 7; ++k) {
      const auto s = random_vector(size, 10 + k);
      EXPECT_TRUE(history.add(s, dense::product(precision, s)));
    }
    EXPECT_EQ(history.size(), 4);
    EXPECT_FALSE(history.add(random_vector(size, 30), std::vector<double>(size, 0.0)));  // no curvature
    const Matrix truth = recursion(history);
    const auto found = InverseHessian::of(history);
    ASSERT_TRUE(found.has_value()) << dim;
    double scale = 0;
    for (const double t : truth.values) scale = std::max(scale, std::abs(t));
    const auto lower = dense::cholesky(truth).value();
    EXPECT_NEAR(found->log_determinant(), 2 * dense::log_diagonal(lower), 1e-8);
    Matrix square(dim, dim);  // of the roots' columns
    for (Index j = 0; j < dim; ++j) {
      std::vector<double> unit(size, 0.0);
      unit[static_cast<std::size_t>(j)] = 1;
      const auto column = found->times(unit);
      for (Index i = 0; i < dim; ++i) EXPECT_NEAR(column[static_cast<std::size_t>(i)], truth(i, j), 1e-10 * scale) << dim;
      const auto moved = found->root_times(unit);
      for (Index i = 0; i < dim; ++i) {
        for (Index k = 0; k < dim; ++k) square(i, k) += moved[static_cast<std::size_t>(i)] * moved[static_cast<std::size_t>(k)];
      }
    }
    for (std::size_t k = 0; k < square.values.size(); ++k) EXPECT_NEAR(square.values[k], truth.values[k], 1e-10 * scale) << dim;
    // The last pair's secant equation, from the definition of quasi-Newton methods.
    const auto secant = found->times(history.y(3));
    for (std::size_t d = 0; d < size; ++d) EXPECT_NEAR(secant[d], history.s(3)[d], 1e-10 * (1 + scale));
  }
}

TEST(Pathfinder, IsExactOnANormalInOneDimension) {
  // One secant determines the variance: q = p, every draw's log p - log q is the evidence.
  const models::Gaussian target({4.0}, {-1.5});
  const Density density = density_of(target);
  PathfinderSettings settings;
  settings.seed = 3;
  const Pathfinder found = pathfinder(density, {2.0}, settings);
  ASSERT_TRUE(found.trouble.empty()) << found.trouble;
  EXPECT_NEAR(found.mean[0], -1.5, 1e-10);
  EXPECT_NEAR(found.covariance->log_determinant(), -std::log(4.0), 1e-10);
  EXPECT_NEAR(found.elbo, 0.5 * std::log(2 * std::numbers::pi / 4), 1e-10);
  EXPECT_LT(found.elbo_error, 1e-10);
}

Matrix tilted_precision(Index dim) {
  Matrix precision(dim, dim);
  for (Index i = 0; i < dim; ++i) {
    precision(i, i) = 1 + static_cast<double>(i);
    if (i > 0) precision(i, i - 1) = precision(i - 1, i) = 0.5;
  }
  return precision;
}

TEST(Pathfinder, IsWeightedToTheMomentsOfANormal) {
  const Index dim = 5;
  const Matrix precision = tilted_precision(dim);
  const std::vector<double> mean{1.0, -2.0, 0.5, 3.0, 0.0};
  const models::Gaussian target(precision.values, mean);
  const Density density = density_of(target);
  PathfinderSettings settings;
  settings.seed = 5;
  const Pathfinder found = pathfinder(density, std::vector<double>(5, 0.0), settings);
  ASSERT_TRUE(found.trouble.empty()) << found.trouble;
  const Index draws = 4000;
  tiles::Batch theta(dim, draws);
  std::vector<double> log_q;
  found.draw(settings, 0, theta, log_q);
  tiles::Batch value(1, draws);
  density.evaluate(theta.view(), {true, false}, {}, value.view());
  std::vector<double> ratios;
  for (Index s = 0; s < draws; ++s) ratios.push_back(value(0, s) - log_q[static_cast<std::size_t>(s)]);
  const auto weights = diagnostics::smooth_weights(ratios);
  EXPECT_LT(weights.shape, 0.7);
  const auto lower = dense::cholesky(precision).value();
  const Matrix covariance = dense::inverse_of_cholesky(lower);
  const double evidence = 0.5 * static_cast<double>(dim) * std::log(2 * std::numbers::pi) - dense::log_diagonal(lower);
  const double evidence_error = std::sqrt(1 / weights.effective_size - 1.0 / static_cast<double>(draws));
  EXPECT_LT(std::abs(weights.log_mean_weight - evidence), 5 * evidence_error + 1e-12);
  for (Index d = 0; d < dim; ++d) {
    std::vector<double> values;
    for (Index s = 0; s < draws; ++s) values.push_back(theta(d, s));
    const auto moments = diagnostics::weighted_moments(weights.log_weights, values);
    // 10 checks at 5 standard errors: false alarms 6e-6 altogether.
    EXPECT_LT(std::abs(moments.mean - mean[static_cast<std::size_t>(d)]), 5 * moments.mean_error) << d;
    EXPECT_LT(std::abs(moments.sd - std::sqrt(covariance(d, d))), 5 * moments.sd_error) << d;
  }
  // Draws are keyed by their number: a later block alone is the same.
  tiles::Batch later(dim, 8);
  std::vector<double> later_q;
  found.draw(settings, 160, later, later_q);
  for (Index s = 0; s < 8; ++s) {
    EXPECT_EQ(later_q[static_cast<std::size_t>(s)], log_q[static_cast<std::size_t>(160 + s)]);
    for (Index d = 0; d < dim; ++d) EXPECT_EQ(later(d, s), theta(d, 160 + s));
  }
}

TEST(Pathfinder, LogDensitiesAreThoseOfItsNormal) {
  const models::Banana banana(3.0, 0.1);
  const Density density = density_of(banana);
  PathfinderSettings settings;
  settings.seed = 7;
  const Pathfinder found = pathfinder(density, {4.0, -3.0}, settings);
  ASSERT_TRUE(found.trouble.empty());
  EXPECT_GE(found.iterates, found.iterate);
  EXPECT_LT(found.elbo - 4 * found.elbo_error, std::log(6 * std::numbers::pi));  // a bound of the evidence
  tiles::Batch theta(2, 5);
  std::vector<double> log_q;
  found.draw(settings, 0, theta, log_q);
  Matrix covariance(2, 2);
  for (Index j = 0; j < 2; ++j) {
    std::vector<double> unit{j == 0 ? 1.0 : 0.0, j == 1 ? 1.0 : 0.0};
    const auto column = found.covariance->times(unit);
    for (Index i = 0; i < 2; ++i) covariance(i, j) = column[static_cast<std::size_t>(i)];
  }
  const double determinant = covariance(0, 0) * covariance(1, 1) - covariance(0, 1) * covariance(1, 0);
  for (Index s = 0; s < 5; ++s) {
    const double x = theta(0, s) - found.mean[0];
    const double y = theta(1, s) - found.mean[1];
    const double form = (covariance(1, 1) * x * x - (covariance(0, 1) + covariance(1, 0)) * x * y + covariance(0, 0) * y * y) / determinant;
    EXPECT_NEAR(log_q[static_cast<std::size_t>(s)], -0.5 * form - std::log(2 * std::numbers::pi) - 0.5 * std::log(determinant), 1e-9);
  }
}

TEST(Pathfinder, SaysWhereThereIsNoPath) {
  const models::Gaussian target({4.0}, {-1.5});
  const Density density = density_of(target);
  const Pathfinder found = pathfinder(density, {-1.5}, {});
  EXPECT_FALSE(found.trouble.empty());
  EXPECT_FALSE(found.covariance.has_value());
}

}  // namespace
}  // namespace variscope::approximations
