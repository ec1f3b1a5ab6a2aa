/// The exact noise of local reparameterisation: other oracles where they overlap, and dice.
#include "engine/oracles/local_truth.hpp"

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

using test::Dice;
using test::Point;

LogisticProblem problem(Index dim) {
  LogisticProblem p;
  p.rows = 6;
  p.dim = dim;
  p.response = {1, 0, 0, 0, 1, 1};
  p.prior_mean = 0.3;
  p.prior_sd = 1.5;
  for (Index n = 0; n < p.rows; ++n) {
    for (Index d = 0; d < dim; ++d) p.features.push_back(d == 0 ? 1.0 : 2.0 * std::sin(1.0 + 1.7 * static_cast<double>(d * p.rows + n)));
  }
  return p;
}

TEST(LocalTruth, MeanAndDataNoiseAreThoseOfOneNoiseForAllRows) {
  // What a row says on average does not depend on how its noise is drawn.
  const LogisticProblem p = problem(3);
  const Point lambda = {0.4, -0.6, 0.1, -0.3, -0.9, -0.5};
  const NoiseComponents own = logistic_local_components(p, "mean_field_gaussian", lambda);
  const NoiseComponents common = logistic_components(p, lambda);
  EXPECT_LT(own.error, 1e-9);
  for (std::size_t k = 0; k < lambda.size(); ++k) {
    EXPECT_NEAR(own.gradient[k], common.gradient[k], own.error + common.error);
    EXPECT_NEAR(own.data[k], common.data[k], own.error + common.error);
    EXPECT_EQ(own.interaction[k], 0.0);
  }
}

TEST(LocalTruth, MeanIsTheGradientThatQuadratureOverZFinds) {
  const LogisticProblem p = problem(2);
  data::Table table;
  table.rows = p.rows;
  table.held = {0, p.rows};
  table.columns = {"a", "b"};
  for (const double x : p.features) table.design.push_back(x);
  table.response = p.response;
  const models::LogisticRegression model(table, p.prior_mean, p.prior_sd);
  const Point lambda = {0.4, -0.6, -0.3, -0.9, 0.7};
  const EstimatorTruth own = logistic_local_truth(p, "full_rank_gaussian", lambda, 3);
  const auto pathwise = truth("pw_cfe", model, "full_rank_gaussian", lambda, estimators::Objective::elbo, 3);
  ASSERT_TRUE(pathwise);
  for (std::size_t k = 0; k < lambda.size(); ++k) EXPECT_NEAR(own.mean[k], pathwise->mean[k], own.error + pathwise->error) << k;
}

TEST(LocalTruth, IsWhatDiceGive) {
  // log det(F F') / 2 and x'F F'x differentiated by central differences, so that nothing is shared but the definition. Up to 12 parameters
  // x 2 z-scores in each of three families, each beyond 4.5 with probability 7e-6 (normal limit): false alarm 5e-4. Seeds fixed. A truth
  // for the wrong number of samples must fail.
  const LogisticProblem p = problem(3);
  const Point means = {0.4, -0.6, 0.1};
  const std::vector<std::pair<std::string, Point>> members = {
      {"mean_field_gaussian", {0.4, -0.6, 0.1, -0.3, -0.9, -0.5}},
      {"full_rank_gaussian", {0.4, -0.6, 0.1, -0.3, -0.9, -0.5, 0.5, -0.4, 0.3}},
      {"low_rank_gaussian", {0.4, -0.6, 0.1, -0.3, -0.9, -0.5, 0.5, -0.4, 0.3, 0.2, -0.6, 0.1}}};
  const auto factor_of = [&](const std::string& family, const Point& lambda) {
    std::vector<Point> f(3, Point(family == "low_rank_gaussian" ? 5 : 3, 0.0));
    std::size_t next = 6;
    for (std::size_t i = 0; i < 3; ++i) {
      f[i][i] = std::exp(lambda[3 + i]);
      for (std::size_t j = 0; j < i && family == "full_rank_gaussian"; ++j) f[i][j] = lambda[next++];
      for (std::size_t k = 0; k < 2 && family == "low_rank_gaussian"; ++k) f[i][3 + k] = lambda[next++];
    }
    return f;
  };
  const auto covariance = [](const std::vector<Point>& f, std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t k = 0; k < f[i].size(); ++k) sum += f[i][k] * f[j][k];
    return sum;
  };
  for (const auto& [name, at] : members) {
    SCOPED_TRACE(name);
    const std::string& family = name;
    const Point& lambda = at;
    /// -KL(q || prior) less what does not depend on the factor.
    const auto known = [&](const Point& other) {
      const auto f = factor_of(family, other);
      const auto c = [&](std::size_t i, std::size_t j) { return covariance(f, i, j); };
      const double determinant = c(0, 0) * (c(1, 1) * c(2, 2) - c(1, 2) * c(2, 1)) - c(0, 1) * (c(1, 0) * c(2, 2) - c(1, 2) * c(2, 0)) +
                                 c(0, 2) * (c(1, 0) * c(2, 1) - c(1, 1) * c(2, 0));
      return 0.5 * std::log(determinant) - (c(0, 0) + c(1, 1) + c(2, 2)) / (2 * p.prior_sd * p.prior_sd);
    };
    const auto sd_of = [&](std::size_t n, const Point& other) {
      const auto f = factor_of(family, other);
      double square = 0;
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) square += p.features[n * 3 + i] * p.features[n * 3 + j] * covariance(f, i, j);
      }
      return std::sqrt(square);
    };
    const auto slope = [&](std::size_t k, const auto& of) {
      Point up = lambda;
      Point down = lambda;
      up[k] += 1e-4;
      down[k] -= 1e-4;
      return (of(up) - of(down)) / 2e-4;  // error 1e-8 of third derivatives of order 1: nothing beside 1 / 200 of a standard deviation
    };
    Point fixed(lambda.size());
    std::vector<Point> rate(6, Point(lambda.size()));
    for (std::size_t k = 0; k < lambda.size(); ++k) {
      fixed[k] = k < 3 ? -(lambda[k] - p.prior_mean) / (p.prior_sd * p.prior_sd) : slope(k, known);
      for (std::size_t n = 0; n < 6 && k >= 3; ++n) rate[n][k] = slope(k, [&](const Point& other) { return sd_of(n, other); });
    }
    const auto own = test::throw_dice(40000, 23, [&](Dice& dice) {
      Point g = fixed;
      for (int sample = 0; sample < 2; ++sample) {
        for (std::size_t n = 0; n < 6; ++n) {
          double centre = 0;
          for (std::size_t d = 0; d < 3; ++d) centre += p.features[n * 3 + d] * means[d];
          const double xi = dice.normal();
          const double r = p.response[n] - 1.0 / (1.0 + std::exp(-centre - sd_of(n, lambda) * xi));
          for (std::size_t k = 0; k < g.size(); ++k) g[k] += 0.5 * r * (k < 3 ? p.features[n * 3 + k] : xi * rate[n][k]);
        }
      }
      return g;
    });
    const EstimatorTruth local = logistic_local_truth(p, family, lambda, 2);
    EXPECT_LT(local.error, 1e-9);
    EXPECT_LT(test::largest_z(own, local.mean, local.variance), 4.5);
    EXPECT_GT(test::largest_z(own, local.mean, logistic_local_truth(p, family, lambda, 3).variance), 10);
  }
}

TEST(LocalTruth, RefusesWhatItCannotServe) {
  const LogisticProblem p = problem(2);
  EXPECT_THROW(logistic_local_components(p, "gaussian_mixture", Point(4, 0.0)), std::invalid_argument);
  EXPECT_THROW(logistic_local_components(p, "full_rank_gaussian", Point(4, 0.0)), std::invalid_argument);
  EXPECT_THROW(logistic_local_components(p, "low_rank_gaussian", Point(4, 0.0)), std::invalid_argument);
  EXPECT_THROW(logistic_local_truth(p, "mean_field_gaussian", Point(4, 0.0), 0), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::oracles
