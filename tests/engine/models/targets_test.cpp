/// Test targets against their definitions, their variables' round trips, rotations, and refusals.
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "engine/models/beta.hpp"
#include "engine/models/conditioned_gaussian.hpp"
#include "engine/models/funnel.hpp"
#include "engine/models/horseshoe_ridge.hpp"
#include "engine/models/normal_mixture.hpp"
#include "engine/models/rosenbrock.hpp"
#include "engine/models/student_t.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

using tiles::Batch;

double value_at(const models::Model& model, const std::vector<double>& theta) {
  Batch batch(model.dim(), 1);
  for (std::size_t d = 0; d < theta.size(); ++d) batch(static_cast<Index>(d), 0) = theta[d];
  return test::prior(model, batch, test::kValue)(0, 0);
}

std::vector<double> constrain(const models::Model& model, const std::vector<double>& theta) {
  Batch batch(model.dim(), 1);
  for (std::size_t d = 0; d < theta.size(); ++d) batch(static_cast<Index>(d), 0) = theta[d];
  Batch out(model.constrained_dim(), 1);
  model.constrain(batch.view(), out.view());
  std::vector<double> values;
  for (Index i = 0; i < out.dim(); ++i) values.push_back(out(i, 0));
  return values;
}

double log_normal(double x, double mean, double sd) {
  return -0.5 * std::pow((x - mean) / sd, 2) - std::log(sd) - 0.5 * std::log(2 * std::numbers::pi);
}

TEST(Targets, AreTheirDefinitions) {
  // nu = 1 is the Cauchy density; nu = 1e8 the normal's, to terms of 1 / nu.
  EXPECT_NEAR(value_at(models::StudentT(1, 0.5, 2.0, 1.0), {1.7}), -std::log(2 * std::numbers::pi * (1 + 0.36)), 1e-14);
  EXPECT_NEAR(value_at(models::StudentT(2, 0.5, 2.0, 1e8), {1.7, 0.2}), log_normal(1.7, 0.5, 2) + log_normal(0.2, 0.5, 2), 1e-7);
  // 1000 log t + log(1 - t) - log B(1001, 2) in t, times the Jacobian t (1 - t).
  for (const double t : {0.5, 0.99, 0.9999}) {
    const double log_beta = std::lgamma(1001.0) + std::lgamma(2.0) - std::lgamma(1003.0);
    const double density = 1000 * std::log(t) + std::log1p(-t) - log_beta + std::log(t) + std::log1p(-t);
    EXPECT_NEAR(value_at(models::Beta(1, 1001, 2), {std::log(t) - std::log1p(-t)}), density, 1e-11);
  }
  const models::NormalMixture mixture({0.2, 0.8}, {-0.3, 0.5}, {0.1});
  for (const double x : {-0.4, 0.1, 0.45}) {
    const double density = 0.2 * std::exp(log_normal(x, -0.3, 0.1)) + 0.8 * std::exp(log_normal(x, 0.5, 0.1));
    EXPECT_NEAR(value_at(mixture, {x}), std::log(density), 1e-12);
  }
  EXPECT_NEAR(value_at(mixture, {100.0}), std::log(0.8) + log_normal(100.0, 0.5, 0.1), 1e-8);  // far out: the wide tail alone
  const double pair = std::log(std::sqrt(0.05 * 5) / std::numbers::pi);
  EXPECT_NEAR(value_at(models::Rosenbrock(4, 0.05, 5, 1), {1, 1, 2, 3}), 2 * pair - 0.05 - 5, 1e-13);
  EXPECT_NEAR(value_at(models::Funnel(3, 3), {2, 0.7, -4}),
              log_normal(2, 0, 3) + log_normal(0.7, 0, std::exp(1)) + log_normal(-4, 0, std::exp(1)), 1e-13);
  // z ~ N(0, 1), lambda ~ half-Cauchy with Jacobian lambda, y ~ N(lambda z, 1).
  const double lambda = std::exp(0.8);
  EXPECT_NEAR(value_at(models::HorseshoeRidge({1.5, 0}), {0.3, -0.4, 0.8, 0}),
              log_normal(0.3, 0, 1) + std::log(2 * lambda / (std::numbers::pi * (1 + lambda * lambda))) + log_normal(1.5, 0.3 * lambda, 1) +
                  log_normal(-0.4, 0, 1) + std::log(1 / std::numbers::pi) + log_normal(0, -0.4, 1),
              1e-13);
}

/// Ascending, by Jacobi's rotations: sweeps until nothing is left off the diagonal.
std::vector<double> eigenvalues(std::vector<double> h, std::size_t side) {
  for (int sweep = 0; sweep < 30; ++sweep) {
    for (std::size_t p = 0; p < side; ++p) {
      for (std::size_t q = p + 1; q < side; ++q) {
        const double angle = 0.5 * std::atan2(2 * h[p * side + q], h[q * side + q] - h[p * side + p]);
        const double c = std::cos(angle);
        const double s = std::sin(angle);
        for (std::size_t k = 0; k < side; ++k) {
          const double a = h[k * side + p];
          const double b = h[k * side + q];
          h[k * side + p] = c * a - s * b;
          h[k * side + q] = s * a + c * b;
        }
        for (std::size_t k = 0; k < side; ++k) {
          const double a = h[p * side + k];
          const double b = h[q * side + k];
          h[p * side + k] = c * a - s * b;
          h[q * side + k] = s * a + c * b;
        }
      }
    }
  }
  std::vector<double> values;
  for (std::size_t k = 0; k < side; ++k) values.push_back(h[k * side + k]);
  std::sort(values.begin(), values.end());
  return values;
}

TEST(Targets, ConditionedPrecisionHasItsEigenvaluesAndAUniformRotation) {
  for (const double condition : {1.0, 100.0, 1e6}) {
    const auto h = models::conditioned_precision(7, condition, 11);
    for (std::size_t i = 0; i < 7; ++i) {
      for (std::size_t j = 0; j < i; ++j) EXPECT_EQ(h[i * 7 + j], h[j * 7 + i]);
    }
    const std::vector<double> found = eigenvalues(h, 7);
    for (std::size_t k = 0; k < 7; ++k) EXPECT_NEAR(found[k], std::pow(condition, static_cast<double>(k) / 6.0), 2e-14 * condition);
    const auto axes = models::conditioned_precision(7, condition, 0);
    for (std::size_t k = 0; k < 7; ++k) EXPECT_NEAR(axes[8 * k], std::pow(condition, static_cast<double>(k) / 6.0), 1e-14 * condition);
  }
  // Over uniform rotations Q of diag(1, 3, 9): E H = 13/3 I, and E H_11^2 = (2 tr(D^2) + tr(D)^2) / 15 = 351 / 15 (moments of a uniform
  // direction). 4000 seeds, 5 standard errors, 7 scores: false alarm 4e-6. A rotation in a plane alone would leave an axis: it misses both.
  const auto n = 4000.0;
  std::array<double, 7> sum{};
  std::array<double, 7> squares{};
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    const auto h = models::conditioned_precision(3, 9.0, seed);
    const std::array<double, 7> terms = {h[0] - 13.0 / 3, h[4] - 13.0 / 3, h[8] - 13.0 / 3, h[1], h[2], h[5], h[0] * h[0] - 351.0 / 15};
    for (std::size_t i = 0; i < 7; ++i) {
      sum[i] += terms[i];
      squares[i] += terms[i] * terms[i];
    }
  }
  for (std::size_t i = 0; i < 7; ++i) EXPECT_LT(std::abs(sum[i] / n), 5 * std::sqrt(squares[i] / n / n)) << i;
}

TEST(Targets, VariablesGoForthAndBack) {
  const models::Beta beta(2, 3, 4);
  EXPECT_EQ(beta.constrained_dim(), 2);
  const std::vector<double> t = constrain(beta, {0.0, std::log(3.0)});
  EXPECT_EQ(t[0], 0.5);
  EXPECT_NEAR(t[1], 0.75, 1e-15);
  std::vector<double> theta(2);
  beta.unconstrain(t, theta);
  EXPECT_NEAR(theta[1], std::log(3.0), 1e-15);
  const models::HorseshoeRidge ridge({1.0, 2.0});
  const std::vector<double> values = constrain(ridge, {0.5, -2.0, 0.0, std::log(3.0)});
  EXPECT_EQ(ridge.constrained_dim(), 6);
  const std::vector<double> expected = {0.5, -2.0, 1.0, 3.0, 0.5, -6.0};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(values[i], expected[i], 1e-14) << i;
  theta.resize(4);
  ridge.unconstrain(values, theta);
  EXPECT_NEAR(theta[3], std::log(3.0), 1e-15);
  EXPECT_EQ(theta[1], -2.0);
  const auto message = [](auto&& call) {
    try {
      call();
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message([&] { beta.unconstrain(std::vector<double>{0.5, 1.5}, theta); }), "t: number 2 is 1.5 (it must be between 0 and 1).");
  EXPECT_EQ(message([&] {
              ridge.unconstrain(std::vector<double>{0, 0, 1, 0, 0, 0}, theta);
            }),
            "lambda: number 2 is 0 (it must be finite and above 0).");
}

TEST(Targets, FarOutTheyStayTheirOwnDerivatives) {
  // Beyond the bounds of scale the functions go on, and so must their gradients: the difference quotient of a coordinate at the bound's
  // side.
  const models::Funnel funnel(3, 3.0);
  const models::HorseshoeRidge ridge({1.5});
  const double h = 0x1p-10;
  for (const double v : {-650.0, -598.0, 640.0}) {
    Batch at(3, 1);
    at(0, 0) = v;
    at(1, 0) = 1e-130;
    at(2, 0) = -2e-130;
    const double slope = (value_at(funnel, {v + h, 1e-130, -2e-130}) - value_at(funnel, {v - h, 1e-130, -2e-130})) / (2 * h);
    EXPECT_NEAR(test::prior(funnel, at, test::kBoth)(1, 0), slope, 1e-6 * (1 + std::abs(slope)) + 1e-11 / h) << v;
  }
  for (const double u : {-310.0, 290.0, 330.0}) {
    Batch at(2, 1);
    at(0, 0) = 1e-128;
    at(1, 0) = u;
    const double slope = (value_at(ridge, {1e-128, u + h}) - value_at(ridge, {1e-128, u - h})) / (2 * h);
    EXPECT_NEAR(test::prior(ridge, at, test::kBoth)(2, 0), slope, 1e-5 * (1 + std::abs(slope)) + 1e-10 / h) << u;
  }
}

TEST(Targets, RefuseBadArguments) {
  EXPECT_THROW(models::StudentT(0, 0, 1, 3), UserError);
  EXPECT_THROW(models::StudentT(1, NAN, 1, 3), UserError);
  EXPECT_THROW(models::StudentT(1, 0, 0, 3), UserError);
  EXPECT_THROW(models::StudentT(1, 0, 1, -1), UserError);
  EXPECT_THROW(models::Beta(1, 0, 2), UserError);
  EXPECT_THROW(models::Beta(1, 2, INFINITY), UserError);
  EXPECT_THROW(models::NormalMixture({}, {1}, {1}), UserError);
  EXPECT_THROW(models::NormalMixture({1, 1}, {1, 2, 3}, {1}), UserError);
  EXPECT_THROW(models::NormalMixture({1, -1}, {1, 2}, {1}), UserError);
  EXPECT_THROW(models::NormalMixture({1, 1}, {1, 2}, {1, 2, 3}), UserError);
  EXPECT_THROW(models::NormalMixture({1, 1}, {1, 2}, {0}), UserError);
  EXPECT_THROW(models::Rosenbrock(3, 1, 1, 0), UserError);
  EXPECT_THROW(models::Rosenbrock(2, 0, 1, 0), UserError);
  EXPECT_THROW(models::Rosenbrock(2, 1, -1, 0), UserError);
  EXPECT_THROW(models::Funnel(1, 3), UserError);
  EXPECT_THROW(models::Funnel(3, 0), UserError);
  EXPECT_THROW(models::HorseshoeRidge({}), UserError);
  EXPECT_THROW(models::HorseshoeRidge({101}), UserError);
  EXPECT_THROW(models::conditioned_precision(3, 0.5, 1), UserError);
  EXPECT_THROW(models::conditioned_precision(3, 1e11, 1), UserError);
  EXPECT_THROW(models::conditioned_precision(1, 10, 1), UserError);
}

}  // namespace
}  // namespace variscope
