/// Correlated varying effects of generalised linear models: the LKJ density against its published constant, draws, and what effects are
/// made of.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <string>

#include "engine/error.hpp"
#include "engine/models/glm.hpp"
#include "tests/conformance/model_subject.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::models {
namespace {

using test::random_table;

/// A Poisson model whose intercept and slopes (`effects` of them together) vary by clinic.
Arguments arguments_of(int effects, double shape, const data::Table& table) {
  Arguments arguments = glm_entry().smoke;
  arguments.table = &table;
  arguments.words["likelihood"] = "poisson";
  arguments.words["prior_correlation"] = "lkj(" + std::to_string(shape) + ")";
  arguments.lists["varying"] = {effects == 2 ? "clinic: 1 + a" : effects == 3 ? "clinic: 1 + a + b" : "clinic: 1 + a + b + c"};
  return arguments;
}

const glm::Varying& term_of(const Glm& model) { return model.layout().varying.front(); }

/// R of coordinates u, by the definition of partial correlations: row by row, what is left of each row's length.
Eigen::MatrixXd correlations(int effects, const std::vector<double>& u) {
  Eigen::MatrixXd lower = Eigen::MatrixXd::Zero(effects, effects);
  std::size_t next = 0;
  for (int i = 0; i < effects; ++i) {
    double left = 1;
    for (int j = 0; j < i; ++j, ++next) {
      lower(i, j) = std::tanh(u[next]) * std::sqrt(left);
      left -= lower(i, j) * lower(i, j);
    }
    lower(i, i) = std::sqrt(left);
  }
  return lower * lower.transpose();
}

/// log prior at coordinates u of the correlations less that at 0: everything else cancels.
double log_ratio(const Glm& model, const std::vector<double>& u) {
  tiles::Batch theta(model.dim(), 2);
  for (std::size_t k = 0; k < u.size(); ++k) theta(term_of(model).correlation + static_cast<Index>(k), 0) = u[k];
  const tiles::Batch out = test::prior(model, theta, test::kValue);
  return out(0, 0) - out(0, 1);
}

/// log of the LKJ density of R (Lewandowski, Kurowicka, Joe 2009, eq. 16).
double log_lkj(const Eigen::MatrixXd& r, double shape) {
  const auto d = static_cast<int>(r.rows());
  double log_constant = 0;
  for (int k = 1; k < d; ++k) {
    const double a = shape + 0.5 * (d - k - 1);
    log_constant += (2 * shape - 2 + d - k) * (d - k) * std::log(2.0) + (d - k) * (2 * std::lgamma(a) - std::lgamma(2 * a));
  }
  return (shape - 1) * std::log(r.determinant()) - log_constant;
}

TEST(GlmCorrelation, DensityIsThatOfLkjWithItsJacobian) {
  // |dR / du| by central differences with one Richardson step, error 1e-9. The twin, LKJ of another shape, must miss it.
  const data::Table table = random_table(ResponseKind::count, {0, test::kRows});
  for (const int effects : {2, 3, 4}) {
    for (const double shape : {0.5, 1.0, 2.5}) {
      const Glm model(arguments_of(effects, shape, table));
      const auto log_density = [&](const std::vector<double>& u, double of_shape) {
        const auto pairs = static_cast<int>(u.size());
        Eigen::MatrixXd jacobian(pairs, pairs);
        for (int p = 0; p < pairs; ++p) {
          const auto slope = [&](double h) {
            std::vector<double> up = u;
            std::vector<double> down = u;
            up[static_cast<std::size_t>(p)] += h;
            down[static_cast<std::size_t>(p)] -= h;
            return Eigen::MatrixXd((correlations(effects, up) - correlations(effects, down)) / (2 * h));
          };
          const Eigen::MatrixXd by = (4 * slope(5e-4) - slope(1e-3)) / 3;
          int row = 0;
          for (int i = 1; i < effects; ++i) {
            for (int j = 0; j < i; ++j) jacobian(row++, p) = by(i, j);
          }
        }
        return log_lkj(correlations(effects, u), of_shape) + std::log(std::abs(jacobian.determinant()));
      };
      const std::vector<double> none(static_cast<std::size_t>(effects * (effects - 1) / 2), 0.0);
      std::vector<double> u = none;
      for (std::size_t k = 0; k < u.size(); ++k) u[k] = 0.9 * std::sin(1.0 + 2.0 * static_cast<double>(k));
      EXPECT_NEAR(log_ratio(model, u), log_density(u, shape) - log_density(none, shape), 1e-7) << effects << " " << shape;
      EXPECT_GT(std::abs(log_ratio(model, u) - (log_density(u, shape + 0.1) - log_density(none, shape + 0.1))), 1e-3);
    }
  }
}

TEST(GlmCorrelation, OfTwoEffectsIsABetaAndIntegratesToOne) {
  // Correlated and independent models differ by the density of u alone, whose sum over a fine grid is its integral; the density of the
  // correlation is Beta(shape, shape) on (-1, 1): (1 - r^2)^(shape - 1) / (2^(2 shape - 1) B(shape, shape)).
  const data::Table table = random_table(ResponseKind::count, {0, test::kRows});
  for (const double shape : {0.5, 1.0, 3.0}) {
    const Arguments with = arguments_of(2, shape, table);
    Arguments without = with;
    without.words["prior_correlation"] = "none";
    const Glm model(with);
    const Glm independent(without);
    ASSERT_EQ(model.dim(), independent.dim() + 1);
    const double rest = test::prior(independent, tiles::Batch(independent.dim(), 1), test::kValue)(0, 0);
    double sum = 0;
    for (int i = -600; i <= 600; ++i) {
      tiles::Batch theta(model.dim(), 1);
      const double u = 0.05 * i;
      theta(term_of(model).correlation, 0) = u;
      const double log_density = test::prior(model, theta, test::kValue)(0, 0) - rest;
      sum += 0.05 * std::exp(log_density);
      if (std::abs(u) > 3) continue;
      const double r = std::tanh(u);
      const double beta = 2 * std::lgamma(shape) - std::lgamma(2 * shape);
      EXPECT_NEAR(log_density, shape * std::log1p(-r * r) - (2 * shape - 1) * std::log(2.0) - beta, 1e-11);
    }
    EXPECT_NEAR(sum, 1, 1e-9);
  }
}

TEST(GlmCorrelation, DrawsHaveTheMomentsOfLkj) {
  // Every correlation of K variables is Beta(a, a) on (-1, 1), a = shape - 1 + K / 2 (Lewandowski, Kurowicka, Joe 2009): mean 0, variance
  // 1 / (2 a + 1), fourth moment 3 / ((2 a + 1) (2 a + 3)). 20000 draws, 5 standard errors, 20 scores: chance 6e-7 each. The variance of
  // another shape must be missed.
  const data::Table table = random_table(ResponseKind::count, {0, test::kRows});
  const int count = 20000;
  for (const int effects : {2, 3, 4}) {
    const double shape = 1.5;
    const Glm model(arguments_of(effects, shape, table));
    const auto pairs = static_cast<std::size_t>(term_of(model).pairs());
    std::vector<double> theta(static_cast<std::size_t>(model.dim()));
    std::vector<double> mean(pairs, 0.0);
    std::vector<double> square(pairs, 0.0);
    for (int s = 0; s < count; ++s) {
      model.simulate_prior({94, random::Purpose::prior_draw, 0, 0, static_cast<std::uint32_t>(s)}, theta);
      const auto first = theta.begin() + term_of(model).correlation;
      const Eigen::MatrixXd r = correlations(effects, {first, first + static_cast<std::ptrdiff_t>(pairs)});
      std::size_t k = 0;
      for (int i = 1; i < effects; ++i) {
        for (int j = 0; j < i; ++j, ++k) {
          mean[k] += r(i, j) / count;
          square[k] += r(i, j) * r(i, j) / count;
        }
      }
    }
    const auto variance_of = [&](double of_shape) { return 1 / (2 * (of_shape - 1 + 0.5 * effects) + 1); };
    const double variance = variance_of(shape);
    const double fourth = 3 * variance / (1 / variance + 2);
    const double error = 5 * std::sqrt((fourth - variance * variance) / count);
    for (std::size_t k = 0; k < pairs; ++k) {
      EXPECT_NEAR(mean[k], 0, 5 * std::sqrt(variance / count));
      EXPECT_NEAR(square[k], variance, error);
      EXPECT_GT(std::abs(square[k] - variance_of(shape + 0.5)), error);
    }
  }
}

TEST(GlmCorrelation, EffectsAreScaledFactorsTimesNormals) {
  const data::Table table = random_table(ResponseKind::count, {0, test::kRows});
  const Glm model(arguments_of(3, 2, table));
  const glm::Varying& term = term_of(model);
  const tiles::Batch theta = test::random_batch(model.dim(), 5, 0.8, 3);
  tiles::Batch x(model.constrained_dim(), 5);
  model.constrain(theta.view(), x.view());
  ASSERT_EQ(x.dim(), theta.dim());
  for (Index s = 0; s < 5; ++s) {
    std::vector<double> u;
    for (Index k = 0; k < 3; ++k) u.push_back(theta(term.correlation + k, s));
    const Eigen::MatrixXd r = correlations(3, u);
    EXPECT_NEAR(x(term.correlation, s), r(1, 0), 1e-14);
    EXPECT_NEAR(x(term.correlation + 1, s), r(2, 0), 1e-14);
    EXPECT_NEAR(x(term.correlation + 2, s), r(2, 1), 1e-14);
    const Eigen::MatrixXd lower = r.llt().matrixL();
    for (Index level = 0; level < 6; ++level) {
      Eigen::Vector3d z;
      for (Index k = 0; k < 3; ++k) z(k) = theta(term.effect + 3 * level + k, s);
      const Eigen::Vector3d expected = lower * z;
      for (Index k = 0; k < 3; ++k)
        EXPECT_NEAR(x(term.effect + 3 * level + k, s), std::exp(theta(term.sd + k, s)) * expected(k), 1e-13 * (1 + expected.norm()));
    }
  }
}

TEST(GlmCorrelation, SaysWhatMakesNoSense) {
  const data::Table table = random_table(ResponseKind::count, {0, test::kRows});
  const auto message = [&](const std::string& key, const std::string& word, const std::string& varying) {
    Arguments arguments = arguments_of(2, 2, table);
    if (!key.empty()) arguments.words[key] = word;
    arguments.lists["varying"] = {varying};
    try {
      const Glm model(arguments);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was refused");
  };
  EXPECT_NE(message("prior_correlation", "lkj(0)", "clinic: 1 + a").find("lkj(2)"), std::string::npos);
  EXPECT_NE(message("prior_correlation", "normal(0, 1)", "clinic: 1 + a").find("lkj(2)"), std::string::npos);
  EXPECT_NE(message("parameterization", "centred", "clinic: 1 + a").find("non-centred"), std::string::npos);
  EXPECT_NE(message("", "", "clinic: 1").find("two varying effects"), std::string::npos);
  const Glm model(arguments_of(2, 2, table));
  std::vector<double> values(static_cast<std::size_t>(model.dim()), 1.0);
  std::vector<double> theta = values;
  EXPECT_THROW(model.unconstrain(values, theta), UserError);  // a correlation of 1
}

}  // namespace
}  // namespace variscope::models
