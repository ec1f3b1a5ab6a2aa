/// Columnwise normal against plain sums, the closed-form posterior of known moments, quadrature, and data far from zero.
#include "engine/models/columnwise_normal.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <string>

#include "engine/error.hpp"
#include "engine/models/column_moments.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::models {
namespace {

constexpr double kPriorSd = 1.3;

data::Table random_table(Index rows, Index columns, unsigned seed, double offset = 0) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  data::Table table;
  table.rows = rows;
  table.held = {0, rows};
  for (Index d = 0; d < columns; ++d) table.columns.push_back("x" + std::to_string(d));
  for (Index i = 0; i < rows * columns; ++i)
    table.design.push_back(offset + (1.0 + 0.1 * static_cast<double>(i % columns)) * normal(engine));
  return table;
}

// 16 rows a chunk and packs of at most 8 columns: one less and one more than each. 1e-14 of the sizes is 45 ulps.
TEST(ColumnMoments, AreMeanAndSumOfSquares) {
  for (const Index rows : {1, 15, 16, 17, 100}) {
    for (const Index columns : {1, 3, 8, 31, 33, 70}) {
      for (const double offset : {0.0, 1e4}) {
        const data::Table table = random_table(rows, columns, 3, offset);
        ColumnMoments moments;
        column_moments(table, test::range(0, rows), moments);
        for (Index d = 0; d < columns; ++d) {
          long double sum = 0;
          for (Index n = 0; n < rows; ++n) sum += table.row(n)[d];
          const long double mean = sum / static_cast<long double>(rows);
          long double squares = 0;
          for (Index n = 0; n < rows; ++n) squares += (table.row(n)[d] - mean) * (table.row(n)[d] - mean);
          EXPECT_NEAR(moments.mean.data()[d], static_cast<double>(mean), 1e-14 * (5 + offset));
          // A difference from the mean is as wrong as the mean: twice its size times that, a row.
          EXPECT_NEAR(moments.squares.data()[d], static_cast<double>(squares), static_cast<double>(rows) * 1e-14 * (20 + 5 * offset));
        }
      }
    }
  }
}

TEST(ColumnMoments, OfNoRowsAreZero) {
  const data::Table table = random_table(4, 3, 3);
  ColumnMoments moments;
  column_moments(table, test::range(2, 2), moments);
  EXPECT_EQ(moments.rows, 0);
  for (Index d = 0; d < 3; ++d) EXPECT_EQ(moments.mean.data()[d], 0.0);
}

// Rounding alone: 1e-13 of the sum of magnitudes.
TEST(ColumnwiseNormal, AgreesWithPlainSums) {
  for (const Index columns : {1, 2, 9, 33}) {
    const Index rows = 203;
    const data::Table table = random_table(rows, columns, 1);
    const ColumnwiseNormal model(table, kPriorSd);
    for (const Index count : {1, 9, 40}) {
      const tiles::Batch theta = test::random_batch(2 * columns, count, 0.7, 2);
      const tiles::Batch direction = test::random_batch(2 * columns, count, 1.0, 3);
      const tiles::Batch out = test::likelihood(model, test::range(0, rows), theta, {true, true, true}, nullptr, &direction);
      const tiles::Batch prior = test::prior(model, theta, {true, true, true}, nullptr, &direction);
      for (Index s = 0; s < count; ++s) {
        long double value = 0;
        long double size = 0;
        long double prior_value = 0;
        for (Index j = 0; j < columns; ++j) {
          const long double mu = theta(j, s);
          const long double l = theta(columns + j, s);
          const long double sd = std::exp(l);
          const long double v = direction(j, s);
          const long double w = direction(columns + j, s);
          long double sums[4] = {};
          long double sizes[4] = {};
          for (Index n = 0; n < rows; ++n) {
            const long double z = (table.row(n)[j] - mu) / sd;
            const long double term = -z * z / 2 - l - std::log(2 * std::numbers::pi_v<long double>) / 2;
            value += term;
            size += std::fabs(term);
            const long double parts[4] = {z / sd, z * z - 1, -v / (sd * sd) - 2 * z * w / sd, -2 * z * v / sd - 2 * z * z * w};
            for (int k = 0; k < 4; ++k) {
              sums[k] += parts[k];
              sizes[k] += std::fabs(parts[k]) + (k == 2 ? std::fabs(v) / (sd * sd) : 0) + (k == 1 ? 2 : 0);
            }
          }
          const Index at[4] = {1 + j, 1 + columns + j, 1 + 2 * columns + j, 1 + 3 * columns + j};
          for (int k = 0; k < 4; ++k) EXPECT_NEAR(out(at[k], s), static_cast<double>(sums[k]), 1e-13 * static_cast<double>(sizes[k])) << k;
          // Half-normal in sd, and |d sd / d l| = sd.
          prior_value += std::log(std::sqrt(2 / std::numbers::pi_v<long double>) / kPriorSd) - sd * sd / (2.0L * kPriorSd * kPriorSd) + l;
          EXPECT_EQ(prior(1 + j, s), 0.0);
          EXPECT_NEAR(prior(1 + columns + j, s), static_cast<double>(1 - sd * sd / (kPriorSd * kPriorSd)),
                      1e-13 * (1.0 + static_cast<double>(sd * sd)));
        }
        EXPECT_NEAR(out(0, s), static_cast<double>(value), 1e-13 * static_cast<double>(size));
        EXPECT_NEAR(prior(0, s), static_cast<double>(prior_value), 1e-13 * (20.0 * static_cast<double>(columns) + std::fabs(prior(0, s))));
      }
    }
  }
}

// Where the normal's own estimates lie the likelihood is stationary: mean = average, sd^2 = average squared deviation. Data far from zero
// must not lose that: 1e8 sds away a column has 1e-8 of its digits left, relative to the sd.
TEST(ColumnwiseNormal, IsStationaryAtTheMomentsOfFarData) {
  for (const double offset : {0.0, 1e3, 1e8}) {
    const Index rows = 500;
    const data::Table table = random_table(rows, 3, 8, offset);
    const ColumnwiseNormal model(table, kPriorSd);
    tiles::Batch theta(6, 1);
    for (Index j = 0; j < 3; ++j) {
      long double sum = 0;
      for (Index n = 0; n < rows; ++n) sum += table.row(n)[j];
      const long double mean = sum / static_cast<long double>(rows);
      long double squares = 0;
      for (Index n = 0; n < rows; ++n) squares += (table.row(n)[j] - mean) * (table.row(n)[j] - mean);
      theta(j, 0) = static_cast<double>(mean);
      theta(3 + j, 0) = static_cast<double>(std::log(squares / static_cast<long double>(rows)) / 2);
    }
    const tiles::Batch out = test::likelihood(model, test::range(0, rows), theta, test::kBoth);
    for (Index row = 1; row < 7; ++row) EXPECT_NEAR(out(row, 0), 0.0, static_cast<double>(rows) * 1e-15 * (10 + 10 * offset));
  }
}

/// E f(mean, log sd) under a Gaussian with correlation, by the trapezoidal rule, which converges faster than any power for it.
template <class F>
double expectation(const std::vector<double>& m, const std::vector<double>& cov, F&& f) {
  const double a = std::sqrt(cov[0]);
  const double b = cov[1] / a;
  const double c = std::sqrt(cov[3] - b * b);
  const double h = 0.125;
  double sum = 0;
  for (int i = -96; i <= 96; ++i) {
    for (int k = -96; k <= 96; ++k) {
      const double x = h * i;
      const double y = h * k;
      sum += std::exp(-0.5 * (x * x + y * y)) * f(m[0] + a * x, m[1] + b * x + c * y);
    }
  }
  return sum * h * h / (2 * std::numbers::pi);
}

TEST(ColumnwiseNormal, ExpectationsAgreeWithQuadrature) {
  const Index rows = 12;
  const data::Table table = random_table(rows, 1, 5);
  const ColumnwiseNormal model(table, kPriorSd);
  const std::vector<double> m = {0.4, -0.3};
  const auto plain = [&](int k, double mu, double l) {
    double sum = 0;
    for (Index n = 0; n < rows; ++n) {
      const double z = (table.row(n)[0] - mu) * std::exp(-l);
      const double parts[6] = {-z * z / 2 - l - std::log(2 * std::numbers::pi) / 2,
                               z * std::exp(-l),
                               z * z - 1,
                               -std::exp(-2 * l) / 2,
                               -z * std::exp(-l),
                               -z * z};
      sum += parts[k];
    }
    return sum;
  };
  const auto plain_prior = [&](int k, double, double l) {
    const double square = std::exp(2 * l) / (kPriorSd * kPriorSd);
    const double parts[6] = {
        std::log(2.0) - std::log(kPriorSd) - std::log(2 * std::numbers::pi) / 2 - square / 2 + l, 0, 1 - square, 0, 0, -square};
    return parts[k];
  };
  for (const double shared : {0.0, 0.1, -0.15}) {
    const std::vector<double> cov = {0.3, shared, shared, 0.2};
    GaussianExpectation likelihood = test::empty_covariance_expectation(model);
    model.expected_log_likelihood_under({0, rows}, m.data(), cov.data(), likelihood);
    GaussianExpectation prior = test::empty_covariance_expectation(model);
    model.expected_log_prior_under(m.data(), cov.data(), prior);
    const int kind_of[6] = {1, 2, 3, 4, 4, 5};
    const auto check = [&](const GaussianExpectation& exact, auto&& f) {
      const auto reference = [&](int k) { return expectation(m, cov, [&](double mu, double l) { return f(k, mu, l); }); };
      EXPECT_NEAR(exact.value, reference(0), 1e-10);
      for (std::size_t p = 0; p < 6; ++p) EXPECT_NEAR(exact.gradient[p], reference(kind_of[p]), 1e-10) << p;
    };
    check(likelihood, plain);
    check(prior, plain_prior);
    if (shared != 0.0) continue;
    // The mean-field form: the same value and mean gradient; d / d log scale = scale^2 E[Hessian].
    const std::vector<double> scale = {std::sqrt(0.3), std::sqrt(0.2)};
    for (const bool of_prior : {false, true}) {
      const GaussianExpectation& full = of_prior ? prior : likelihood;
      GaussianExpectation field = test::empty_expectation(model);
      of_prior ? model.expected_log_prior(m.data(), scale.data(), field)
               : model.expected_log_likelihood({0, rows}, m.data(), scale.data(), field);
      EXPECT_NEAR(field.value, full.value, 1e-12);
      EXPECT_NEAR(field.gradient[0], full.gradient[0], 1e-12);
      EXPECT_NEAR(field.gradient[1], full.gradient[1], 1e-12);
      EXPECT_NEAR(field.gradient[2], 0.3 * 2 * full.gradient[2], 1e-12);
      EXPECT_NEAR(field.gradient[3], 0.2 * 2 * full.gradient[5], 1e-12);
    }
  }
}

TEST(ColumnwiseNormal, ConstrainsAndBack) {
  const data::Table table = random_table(3, 2, 7);
  const ColumnwiseNormal model(table, kPriorSd);
  EXPECT_EQ(model.constrained_dim(), 4);
  EXPECT_EQ(model.parameter_names(), (std::vector<std::string>{"mean[x0]", "mean[x1]", "log_sd[x0]", "log_sd[x1]"}));
  const tiles::Batch theta = test::random_batch(4, 11, 2.0, 4);
  tiles::Batch out(4, 11);
  model.constrain(theta.view(), out.view());
  for (Index s = 0; s < 11; ++s) {
    std::vector<double> values;
    std::vector<double> back(4);
    for (Index d = 0; d < 4; ++d) values.push_back(out(d, s));
    EXPECT_NEAR(out(3, s), std::exp(theta(3, s)), 4e-16 * std::exp(theta(3, s)));
    model.unconstrain(values, back);
    for (Index d = 0; d < 4; ++d) EXPECT_NEAR(back[static_cast<std::size_t>(d)], theta(d, s), 1e-15 * (1 + std::fabs(theta(d, s))));
  }
  std::vector<double> theta_out(4);
  const std::vector<double> bad = {0, 0, 1, -1};
  try {
    model.unconstrain(bad, theta_out);
    FAIL() << "took a negative sd";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("column 'x1'"), std::string::npos) << error.what();
  }
}

TEST(ColumnwiseNormal, RefusesWhatMakesNoSense) {
  data::Table table = random_table(3, 2, 7);
  EXPECT_THROW(ColumnwiseNormal(table, 0.0), UserError);
  EXPECT_THROW(ColumnwiseNormal(table, std::numeric_limits<double>::infinity()), UserError);
  table.columns[1] = "intercept";
  EXPECT_THROW(ColumnwiseNormal(table, 1.0), UserError);
}

}  // namespace
}  // namespace variscope::models
