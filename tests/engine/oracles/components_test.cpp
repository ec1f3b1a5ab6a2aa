/// Noise components: closed forms, brute quadrature row by row, and dice.
#include "engine/oracles/components.hpp"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

#include "engine/data/table.hpp"
#include "engine/models/logistic_regression.hpp"
#include "engine/oracles/truth.hpp"
#include "tests/engine/oracles/simulation.hpp"
#include "tests/engine/oracles/small_models.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;
using test::Dice;
using test::Point;

/// Rows of an intercept and other columns; row 3 repeats row 0 with the other response, so that a pair of predictors is collinear.
LogisticProblem problem(Index dim) {
  LogisticProblem p;
  p.rows = 6;
  p.dim = dim;
  p.response = {1, 0, 0, 0, 1, 1};
  p.prior_mean = 0.3;
  p.prior_sd = 1.5;
  for (Index n = 0; n < p.rows; ++n) {
    for (Index d = 0; d < dim; ++d)
      p.features.push_back(d == 0 ? 1.0 : 2.0 * std::sin(1.0 + 1.7 * static_cast<double>(d * p.rows + n % 3)));
  }
  p.features[static_cast<std::size_t>(4 * dim + dim - 1)] = -0.4;
  p.features[static_cast<std::size_t>(5 * dim + dim - 1)] = 1.9;
  return p;
}

data::Table table(const LogisticProblem& p) {
  data::Table t;
  t.rows = p.rows;
  t.held = {0, p.rows};
  for (Index d = 0; d < p.dim; ++d) t.columns.push_back("x" + std::to_string(d));
  for (const double x : p.features) t.design.push_back(x);
  t.response = p.response;
  return t;
}

void expect_equal(const NoiseComponents& a, const NoiseComponents& b) {
  const double error = a.error + b.error;
  for (std::size_t p = 0; p < a.gradient.size(); ++p) {
    EXPECT_NEAR(a.gradient[p], b.gradient[p], error) << p;
    EXPECT_NEAR(a.monte_carlo[p], b.monte_carlo[p], error) << p;
    EXPECT_NEAR(a.data[p], b.data[p], error) << p;
    EXPECT_NEAR(a.interaction[p], b.interaction[p], error) << p;
  }
}

TEST(Components, ConjugateNormalMeanAtThePosterior) {
  const std::vector<double> y = {0.3, -1.2, 2.1, 0.8};
  const double n = 4;
  const double mean = 0.5;
  double v = 0;
  for (const double x : y) v += (x - mean) * (x - mean) / n;
  const NoiseComponents c = normal_mean_components(y, 1.0, 0.0, 1.0, Point{2.0 / 5.0, -0.5 * std::log(5.0)});
  EXPECT_NEAR(c.gradient[0], 0.0, 1e-14);
  EXPECT_NEAR(c.gradient[1], 0.0, 1e-14);
  EXPECT_NEAR(c.monte_carlo[0], n + 1.0, 1e-13);
  EXPECT_NEAR(c.data[0], n * n * v, 1e-13);
  EXPECT_EQ(c.interaction[0], 0.0);
  EXPECT_NEAR(c.monte_carlo[1], 2.0, 1e-13);
  EXPECT_EQ(c.data[1], 0.0);
  EXPECT_NEAR(c.interaction[1], n * n * v / 5.0, 1e-13);
}

TEST(Components, ConjugateNormalMeanElsewhereMatchesQuadrature) {
  const std::vector<double> y = {0.3, -1.2, 2.1, 0.8};
  const test::NormalMean model(y);
  const Point lambda = {-0.7, 0.2};
  expect_equal(normal_mean_components(y, 1.0, 0.0, 1.0, lambda), quadrature_components(model, lambda));
}

TEST(Components, LogisticMatchesQuadratureRowByRow) {
  for (const Index dim : {1, 2}) {
    const LogisticProblem p = problem(dim);
    const data::Table rows = table(p);
    const models::LogisticRegression model(rows, p.prior_mean, p.prior_sd);
    const Point lambda = dim == 1 ? Point{0.4, -0.3} : Point{0.4, -0.6, -0.3, -0.9};
    const NoiseComponents pairs = logistic_components(p, lambda);
    const NoiseComponents brute = quadrature_components(model, lambda);
    EXPECT_LT(pairs.error, 1e-9);
    EXPECT_LT(brute.error, 1e-9);
    expect_equal(pairs, brute);
    // s2_e is what the full-data estimate's truth is.
    const auto full = truth("pw_cfe", model, lambda, Objective::elbo, 1);
    for (std::size_t k = 0; k < lambda.size(); ++k) EXPECT_NEAR(pairs.monte_carlo[k], full->variance[k], pairs.error + full->error);
  }
}

TEST(Components, LogisticMatchesDiceInFourDimensions) {
  // 8 parameters x 2 x 2 z-scores, each beyond 4.5 with probability 7e-6 (normal limit): false alarm 2e-4. Seeds fixed.
  const LogisticProblem p = problem(4);
  const Point lambda = {0.4, -0.6, 0.1, 0.5, -0.3, -0.9, -0.5, 0.1};
  const NoiseComponents exact = logistic_components(p, lambda);
  EXPECT_LT(exact.error, 1e-9);
  /// The gradient from these rows, their likelihood scaled by `factor`.
  const auto gradient = [&](Dice& dice, std::size_t first, std::size_t last, double factor) {
    Point eps(4);
    Point z(4);
    for (std::size_t d = 0; d < 4; ++d) {
      eps[d] = dice.normal();
      z[d] = lambda[d] + std::exp(lambda[4 + d]) * eps[d];
    }
    Point g(8);
    for (std::size_t d = 0; d < 4; ++d) g[d] = -(z[d] - p.prior_mean) / (p.prior_sd * p.prior_sd);
    for (std::size_t n = first; n < last; ++n) {
      double eta = 0;
      for (std::size_t d = 0; d < 4; ++d) eta += p.features[n * 4 + d] * z[d];
      for (std::size_t d = 0; d < 4; ++d) g[d] += factor * p.features[n * 4 + d] * (p.response[n] - 1.0 / (1.0 + std::exp(-eta)));
    }
    for (std::size_t d = 0; d < 4; ++d) g[4 + d] = g[d] * std::exp(lambda[4 + d]) * eps[d] + 1.0;
    return g;
  };
  const auto full = test::throw_dice(40000, 21, [&](Dice& dice) { return gradient(dice, 0, 6, 1.0); });
  EXPECT_LT(test::largest_z(full, exact.gradient, exact.monte_carlo), 4.5);
  const auto single = test::throw_dice(40000, 22, [&](Dice& dice) {
    const auto n = static_cast<std::size_t>(6.0 * dice.uniform());
    return gradient(dice, n, n + 1, 6.0);
  });
  std::vector<double> total(8);
  std::vector<double> without(8);
  for (std::size_t k = 0; k < 8; ++k) {
    without[k] = exact.monte_carlo[k] + exact.data[k];
    total[k] = without[k] + exact.interaction[k];
    EXPECT_GT(exact.interaction[k], 0.0);
  }
  EXPECT_LT(test::largest_z(single, exact.gradient, total), 4.5);
  EXPECT_GT(test::largest_z(single, exact.gradient, without), 10);  // the broken twin: interaction forgotten
}

TEST(Components, RefuseWhatTheyCannotServe) {
  LogisticProblem p = problem(2);
  EXPECT_THROW(logistic_components(p, Point{0.1}), std::invalid_argument);
  p.rows = 13;
  EXPECT_THROW(logistic_components(p, Point(4, 0.0)), std::invalid_argument);
  EXPECT_THROW(normal_mean_components({}, 1.0, 0.0, 1.0, Point(2, 0.0)), std::invalid_argument);
  const test::FunctionModel banana(test::banana_function(1.0, 0.1));
  EXPECT_THROW(quadrature_components(banana, Point(4, 0.0)), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::oracles
