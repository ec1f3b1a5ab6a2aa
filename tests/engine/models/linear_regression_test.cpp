/// Linear regression and the normal mean against conjugate closed forms: density, posterior mode and precision, evidence.
#include "engine/models/linear_regression.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <string>

#include "engine/error.hpp"
#include "engine/models/normal_mean.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::models {
namespace {

constexpr double kNoise = 0.7;
constexpr double kPriorMean = 0.3;
constexpr double kPriorSd = 1.4;

data::Table random_table(Index rows, Index columns, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  data::Table table;
  table.rows = rows;
  table.held = {0, rows};
  for (Index d = 0; d < columns; ++d) table.columns.push_back("x" + std::to_string(d));
  for (Index i = 0; i < rows * columns; ++i) table.design.push_back(normal(engine));
  for (Index n = 0; n < rows; ++n) table.response.push_back(3 * normal(engine));
  return table;
}

using Matrix = std::vector<std::vector<long double>>;

/// Lower Cholesky factor, the plain algorithm.
Matrix cholesky(Matrix a) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      for (std::size_t k = 0; k < j; ++k) a[i][j] -= a[i][k] * a[j][k];
      a[i][j] = i == j ? std::sqrt(a[i][i]) : a[i][j] / a[j][j];
    }
  }
  return a;
}

/// L^-1 b.
std::vector<long double> forward(const Matrix& factor, std::vector<long double> b) {
  for (std::size_t i = 0; i < b.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= factor[i][k] * b[k];
    b[i] /= factor[i][i];
  }
  return b;
}

/// (L L^T)^-1 b.
std::vector<long double> solve(const Matrix& factor, const std::vector<long double>& b) {
  std::vector<long double> x = forward(factor, b);
  for (std::size_t i = x.size(); i-- > 0;) {
    for (std::size_t k = i + 1; k < x.size(); ++k) x[i] -= factor[k][i] * x[k];
    x[i] /= factor[i][i];
  }
  return x;
}

/// Precision X'X / noise^2 + I / sd^2 and mean of the posterior.
struct Posterior {
  Matrix precision;
  std::vector<long double> mean;
};
Posterior posterior(const data::Table& table) {
  const auto dim = static_cast<std::size_t>(table.width());
  Posterior p{Matrix(dim, std::vector<long double>(dim)), std::vector<long double>(dim, kPriorMean / (kPriorSd * kPriorSd))};
  for (std::size_t i = 0; i < dim; ++i) p.precision[i][i] = 1.0L / (kPriorSd * kPriorSd);
  for (Index n = 0; n < table.rows; ++n) {
    const double* x = table.row(n);
    for (std::size_t i = 0; i < dim; ++i) {
      for (std::size_t j = 0; j < dim; ++j) p.precision[i][j] += static_cast<long double>(x[i]) * x[j] / (kNoise * kNoise);
      p.mean[i] += static_cast<long double>(x[i]) * table.response[static_cast<std::size_t>(n)] / (kNoise * kNoise);
    }
  }
  p.mean = solve(cholesky(p.precision), p.mean);
  return p;
}

// 333 rows: rounding grows at most like the number of terms; 1e-13 of the sum of magnitudes is 450 ulps.
TEST(LinearRegression, AgreesWithPlainSums) {
  for (const Index columns : {1, 2, 7, 8, 31}) {
    const data::Table table = random_table(333, columns, 1);
    const LinearRegression model(table, kNoise, kPriorMean, kPriorSd);
    for (const Index count : {1, 2, 9, 40}) {
      const tiles::Batch theta = test::random_batch(columns, count, 0.7, 2);
      const tiles::Batch direction = test::random_batch(columns, count, 1.0, 3);
      const tiles::Batch out = test::likelihood(model, test::range(0, 333), theta, {true, true, true}, nullptr, &direction);
      for (Index s = 0; s < count; ++s) {
        long double value = 0;
        long double size = 0;
        std::vector<long double> sum(static_cast<std::size_t>(2 * columns));
        std::vector<long double> sizes(sum.size());
        for (Index n = 0; n < 333; ++n) {
          long double e = table.response[static_cast<std::size_t>(n)];
          long double along = 0;
          for (Index d = 0; d < columns; ++d) {
            e -= static_cast<long double>(table.row(n)[d]) * theta(d, s);
            along += static_cast<long double>(table.row(n)[d]) * direction(d, s);
          }
          const long double term = -e * e / (2 * kNoise * kNoise) - std::log(static_cast<long double>(kNoise)) -
                                   std::log(2 * std::numbers::pi_v<long double>) / 2;
          value += term;
          size += std::fabs(term);
          for (Index d = 0; d < columns; ++d) {
            const long double parts[2] = {table.row(n)[d] * e / (kNoise * kNoise), -table.row(n)[d] * along / (kNoise * kNoise)};
            for (Index part = 0; part < 2; ++part) {
              sum[static_cast<std::size_t>(part * columns + d)] += parts[part];
              sizes[static_cast<std::size_t>(part * columns + d)] += std::fabs(parts[part]);
            }
          }
        }
        EXPECT_NEAR(out(0, s), static_cast<double>(value), 1e-13 * static_cast<double>(size));
        for (std::size_t i = 0; i < sum.size(); ++i)
          EXPECT_NEAR(out(1 + static_cast<Index>(i), s), static_cast<double>(sum[i]), 1e-13 * static_cast<double>(sizes[i]));
      }
    }
  }
}

// The gradient vanishes at the posterior mean, and the Hessian is minus the posterior precision.
TEST(LinearRegression, HasTheConjugatePosterior) {
  const data::Table table = random_table(200, 4, 5);
  const LinearRegression model(table, kNoise, kPriorMean, kPriorSd);
  const Posterior exact = posterior(table);
  tiles::Batch theta(4, 4);
  tiles::Batch unit(4, 4);
  for (Index s = 0; s < 4; ++s) {
    for (Index d = 0; d < 4; ++d) theta(d, s) = static_cast<double>(exact.mean[static_cast<std::size_t>(d)]);
    unit(s, s) = 1;
  }
  const Wanted wanted{true, true, true};
  tiles::Batch out = test::prior(model, theta, wanted, nullptr, &unit);
  Evaluation evaluation{wanted, out.view(), {}, unit.view()};
  model.log_likelihood(test::range(0, 200), theta.view(), evaluation);
  for (Index s = 0; s < 4; ++s) {
    for (Index d = 0; d < 4; ++d) {
      const auto h = static_cast<double>(exact.precision[static_cast<std::size_t>(d)][static_cast<std::size_t>(s)]);
      EXPECT_NEAR(out(1 + d, s), 0, 1e-11);  // 200 terms of size 10
      EXPECT_NEAR(out(5 + d, s), -h, 1e-12 * (1 + std::fabs(h)));
    }
  }
}

// At q = the posterior, E_q log p(y, z) + entropy is the log evidence log N(y; mu0 X 1, noise^2 I + sd^2 X X'): every constant counts.
TEST(LinearRegression, ElboAtThePosteriorIsTheLogEvidence) {
  const Index rows = 12;
  const data::Table table = random_table(rows, 3, 6);
  const LinearRegression model(table, kNoise, kPriorMean, kPriorSd);
  const Posterior exact = posterior(table);
  Matrix marginal(static_cast<std::size_t>(rows), std::vector<long double>(static_cast<std::size_t>(rows)));
  std::vector<long double> centred;
  for (Index n = 0; n < rows; ++n) {
    centred.push_back(table.response[static_cast<std::size_t>(n)]);
    for (Index d = 0; d < 3; ++d) centred.back() -= static_cast<long double>(kPriorMean) * table.row(n)[d];
    for (Index k = 0; k < rows; ++k) {
      long double product = n == k ? static_cast<long double>(kNoise) * kNoise : 0;
      for (Index d = 0; d < 3; ++d) product += static_cast<long double>(kPriorSd) * kPriorSd * table.row(n)[d] * table.row(k)[d];
      marginal[static_cast<std::size_t>(n)][static_cast<std::size_t>(k)] = product;
    }
  }
  const Matrix factor = cholesky(marginal);
  const std::vector<long double> white = forward(factor, centred);
  const long double log_two_pi = std::log(2 * std::numbers::pi_v<long double>);
  long double evidence = 0;
  for (std::size_t n = 0; n < white.size(); ++n) evidence -= white[n] * white[n] / 2 + std::log(factor[n][n]) + log_two_pi / 2;

  const Matrix precision_factor = cholesky(exact.precision);
  std::vector<double> mean;
  std::vector<double> covariance(9);
  long double entropy = 0;
  for (std::size_t d = 0; d < 3; ++d) {
    mean.push_back(static_cast<double>(exact.mean[d]));
    std::vector<long double> unit(3);
    unit[d] = 1;
    const std::vector<long double> column = solve(precision_factor, unit);
    for (std::size_t i = 0; i < 3; ++i) covariance[i * 3 + d] = static_cast<double>(column[i]);
    entropy += (1 + log_two_pi) / 2 - std::log(precision_factor[d][d]);
  }
  GaussianExpectation e = test::empty_covariance_expectation(model);
  model.expected_log_prior_under(mean.data(), covariance.data(), e);
  model.expected_log_likelihood_under({0, rows}, mean.data(), covariance.data(), e);
  EXPECT_NEAR(e.value + static_cast<double>(entropy), static_cast<double>(evidence), 1e-12 * static_cast<double>(std::fabs(evidence)));
  // The optimum: E gradient = 0 and E Hessian = -precision.
  for (std::size_t d = 0; d < 3; ++d) {
    EXPECT_NEAR(e.gradient[d], 0, 1e-12);
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(e.gradient[3 + d * 3 + i], static_cast<double>(-0.5L * exact.precision[d][i]), 1e-12 * static_cast<double>(rows));
  }
}

TEST(LinearRegression, RefusesWhatMakesNoSense) {
  const data::Table table = random_table(3, 2, 7);
  EXPECT_THROW(LinearRegression(table, 0.0, 0.0, 1.0), UserError);
  EXPECT_THROW(LinearRegression(table, 1.0, 0.0, -1.0), UserError);
  EXPECT_THROW(LinearRegression(table, 1.0, std::numeric_limits<double>::infinity(), 1.0), UserError);
}

data::Table responses(const std::vector<double>& y) {
  data::Table table;
  table.rows = static_cast<Index>(y.size());
  table.held = {0, table.rows};
  table.columns = {"intercept"};
  table.design.assign(y.size(), 1.0);
  table.response = y;
  return table;
}

// Precision N + 1 / sd^2, mean (sum y + mu0 / sd^2) / precision; all numbers exact in binary.
TEST(NormalMean, HasTheConjugatePosterior) {
  const data::Table table = responses({1.0, 2.5, -0.5, 4.0, 1.5});
  const NormalMean model(table, 1.0, 0.5);
  EXPECT_EQ(model.dim(), 1);
  EXPECT_EQ(model.parameter_names(), std::vector<std::string>{"mean"});
  const double mean = (8.5 + 4.0) / 9.0;
  const double scale = 1.0 / 3.0;
  GaussianExpectation e = test::empty_expectation(model);
  model.expected_log_prior(&mean, &scale, e);
  model.expected_log_likelihood({0, 5}, &mean, &scale, e);
  EXPECT_NEAR(e.gradient[0], 0, 1e-14);
  EXPECT_NEAR(e.gradient[1], -1, 1e-14);  // against 1 of the entropy
  // Evidence: y ~ N(mu0 1, I + sd^2 1 1'), determinant 1 + 5 / 4, inverse I - 1 1' / 9.
  double squares = 0;
  double sum = 0;
  for (const double y : table.response) {
    squares += (y - 1) * (y - 1);
    sum += y - 1;
  }
  const double evidence = -0.5 * (squares - sum * sum / 9) - 0.5 * std::log(2.25) - 2.5 * std::log(2 * std::numbers::pi);
  const double entropy = 0.5 * (1 + std::log(2 * std::numbers::pi)) + std::log(scale);
  EXPECT_NEAR(e.value + entropy, evidence, 1e-13);
}

TEST(NormalMean, NamesCovariatesThatItDoesNotTake) {
  data::Table table = random_table(3, 2, 8);
  try {
    const NormalMean model(table, 0, 1);
    FAIL() << "took covariates";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("x0, x1"), std::string::npos) << error.what();
  }
  data::Table zeros = responses({1, 2});
  zeros.design[1] = 0;
  EXPECT_THROW(NormalMean(zeros, 0, 1), UserError);
  data::Table none = responses({1, 2});
  none.columns.clear();
  none.design.clear();
  EXPECT_THROW(NormalMean(none, 0, 1), UserError);
}

}  // namespace
}  // namespace variscope::models
