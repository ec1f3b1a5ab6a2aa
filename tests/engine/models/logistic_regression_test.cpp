/// Logistic regression against plain long double sums: extremes, equal bits in every lane, width and path, expectations.
#include "engine/models/logistic_regression.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/models/logistic_smooth.hpp"
#include "engine/oracles/quadrature.hpp"

namespace variscope::models {
namespace {

data::Table random_table(Index rows, Index columns, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  data::Table table;
  table.rows = rows;
  table.held = {0, rows};
  for (Index d = 0; d < columns; ++d) table.columns.push_back("x" + std::to_string(d));
  for (Index i = 0; i < rows * columns; ++i) table.design.push_back(normal(engine));
  for (Index n = 0; n < rows; ++n) table.response.push_back(normal(engine) > 0 ? 1.0 : 0.0);
  return table;
}

tiles::Batch random_batch(Index dim, Index count, double size, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  tiles::Batch batch(dim, count);
  for (Index s = 0; s < count; ++s) {
    for (Index d = 0; d < dim; ++d) batch(d, s) = size * normal(engine);
  }
  return batch;
}

tiles::Batch evaluate(const Model& model, const RowList& rows, const tiles::Batch& theta, Wanted wanted) {
  tiles::Batch out(wanted.gradient ? 1 + model.dim() : 1, theta.count());
  Evaluation evaluation{wanted, out.view(), {}};
  model.log_likelihood(rows, theta.view(), evaluation);
  return out;
}

struct Exact {
  long double value = 0;
  std::vector<long double> gradient;
  std::vector<long double> magnitude;
};

Exact plain(const data::Table& table, const RowList& rows, const tiles::Batch& theta, Index s) {
  const auto dim = static_cast<std::size_t>(table.width());
  Exact exact{0, std::vector<long double>(dim), std::vector<long double>(dim)};
  for (Index k = 0; k < rows.size(); ++k) {
    const double* x = table.row(rows[k]);
    long double eta = 0;
    for (std::size_t d = 0; d < dim; ++d) eta += static_cast<long double>(x[d]) * theta(static_cast<Index>(d), s);
    const bool y = table.response[static_cast<std::size_t>(rows[k])] > 0.5;
    const long double u = y ? eta : -eta;
    exact.value += std::min(u, 0.0L) - std::log1p(std::exp(-std::fabs(u)));
    const long double r = (y ? 1 : -1) / (1 + std::exp(u));
    for (std::size_t d = 0; d < dim; ++d) {
      exact.gradient[d] += r * x[d];
      exact.magnitude[d] += std::fabs(r * x[d]);
    }
  }
  return exact;
}

// 333 rows: rounding grows at most like the number of terms; 1e-13 of the sum of magnitudes is 450 ulps.
TEST(LogisticRegression, AgreesWithPlainSums) {
  for (const Index columns : {1, 2, 7, 8, 10, 31, 100}) {
    const data::Table table = random_table(333, columns, 1);
    const LogisticRegression model(table, 0, 1);
    for (const Index count : {1, 2, 9, 40}) {
      const tiles::Batch theta = random_batch(columns, count, 0.7, 2);
      const RowList rows{{0, 333}};
      const tiles::Batch out = evaluate(model, rows, theta, {true, true});
      for (Index s = 0; s < count; ++s) {
        const Exact exact = plain(table, rows, theta, s);
        EXPECT_NEAR(out(0, s), static_cast<double>(exact.value), 1e-13 * std::fabs(static_cast<double>(exact.value)));
        for (Index d = 0; d < columns; ++d) {
          const auto i = static_cast<std::size_t>(d);
          EXPECT_NEAR(out(1 + d, s), static_cast<double>(exact.gradient[i]), 1e-13 * static_cast<double>(exact.magnitude[i]));
        }
      }
    }
  }
}

// |x'z| up to 1e4, both signs: finite, right to rounding in both tails, also where 1 + exp(-u) rounds to 1.
TEST(LogisticRegression, IsSafeAtExtremes) {
  for (const double eta : {0.0, 1e-12, 1e-3, 5.0, 36.0, 38.0, 40.0, 100.0, 700.0, 708.0, 745.0, 1e4}) {
    for (const double sign : {1.0, -1.0}) {
      for (const double y : {0.0, 1.0}) {
        data::Table table;
        table.rows = 1;
        table.held = {0, 1};
        table.columns = {"x"};
        table.design.assign(1, 1.0);
        table.response = {y};
        const LogisticRegression model(table, 0, 1);
        for (const Index count : {1, 3}) {
          tiles::Batch theta(1, count);
          for (Index s = 0; s < count; ++s) theta(0, s) = sign * eta;
          const tiles::Batch out = evaluate(model, {{0, 1}}, theta, {true, true});
          const long double u = (y > 0.5 ? 1 : -1) * sign * static_cast<long double>(eta);
          const auto value = static_cast<double>(std::min(u, 0.0L) - std::log1p(std::exp(-std::fabs(u))));
          const auto gradient = static_cast<double>((y > 0.5 ? 1 : -1) / (1 + std::exp(u)));
          const double floor = eta >= 708 ? 4e-308 : 0;  // below that the exponential is cut to zero
          EXPECT_NEAR(out(0, 0), value, 4e-16 * std::fabs(value) + floor) << eta << " " << sign << " " << y;
          EXPECT_NEAR(out(1, 0), gradient, 6e-16 * std::fabs(gradient) + floor) << eta << " " << sign << " " << y;
          EXPECT_EQ(out(0, count - 1), out(0, 0));
        }
      }
    }
  }
}

// The law: a column's bits depend on nothing but the column. Alone (single-column path), in any lane, in any width.
TEST(LogisticRegression, AColumnNeverSeesItsNeighbours) {
  for (const Index columns : {1, 3, 10, 31, 64, 100, 300}) {
    const data::Table table = random_table(201, columns, 3);
    const LogisticRegression model(table, 0, 1);
    std::vector<Index> list;
    for (Index k = 0; k < 150; ++k) list.push_back((k * 37) % 201);
    std::sort(list.begin(), list.end());
    for (const RowList& rows : {RowList{{0, 201}}, RowList{{13, 14}}, RowList{{0, 0}, list.data(), 150}}) {
      const tiles::Batch theta = random_batch(columns, 45, 1.0, 4);
      for (const Wanted wanted : {Wanted{true, true}, Wanted{false, true}, Wanted{true, false}}) {
        const tiles::Batch together = evaluate(model, rows, theta, wanted);
        for (const Index s : {0, 7, 8, 31, 32, 44}) {
          for (const Index width : {1, 2, 8, 17, 24, 33}) {
            for (const Index lane : {Index{0}, width - 1}) {
              tiles::Batch other = random_batch(columns, width, 2.0, 5);
              for (Index d = 0; d < columns; ++d) other(d, lane) = theta(d, s);
              const tiles::Batch out = evaluate(model, rows, other, wanted);
              for (Index d = 0; d < out.dim(); ++d)
                ASSERT_EQ(out(d, lane), together(d, s)) << columns << " " << s << " " << width << " " << lane << " " << d;
            }
          }
        }
      }
    }
  }
}

TEST(LogisticRegression, ValueAloneHasTheBitsOfValueWithGradient) {
  const data::Table table = random_table(300, 12, 6);
  const LogisticRegression model(table, 0, 1);
  const tiles::Batch theta = random_batch(12, 19, 1.0, 7);
  const tiles::Batch both = evaluate(model, {{0, 300}}, theta, {true, true});
  const tiles::Batch value = evaluate(model, {{0, 300}}, theta, {true, false});
  const tiles::Batch gradient = evaluate(model, {{0, 300}}, theta, {false, true});
  for (Index s = 0; s < 19; ++s) {
    EXPECT_EQ(value(0, s), both(0, s));
    EXPECT_EQ(gradient(0, s), 0.0);
    for (Index d = 1; d <= 12; ++d) EXPECT_EQ(gradient(d, s), both(d, s));
  }
}

// Against Gauss-Hermite with 200 nodes, an independent rule; up to sd 2 it is exact to 1e-12.
TEST(LogisticSmooth, AgreesWithGaussHermite) {
  const oracles::Rule rule = oracles::gauss_hermite(200);
  for (const double center : {-30.0, -3.0, 0.0, 0.4, 8.0}) {
    for (const double sd : {0.0, 0.01, 0.5, 2.0}) {
      const logistic::Smoothed got = logistic::smooth(center, sd);
      const auto sigmoid = [&](double x) { return 1 / (1 + std::exp(-(center + sd * x))); };
      const auto softplus = [&](double x) { return std::max(center + sd * x, 0.0) + std::log1p(std::exp(-std::fabs(center + sd * x))); };
      EXPECT_NEAR(got.softplus, oracles::expectation(rule, softplus), 1e-12);
      EXPECT_NEAR(got.sigmoid, oracles::expectation(rule, sigmoid), 1e-12);
      EXPECT_NEAR(got.slope, oracles::expectation(rule, [&](double x) { return sigmoid(x) * (1 - sigmoid(x)); }), 1e-12);
      EXPECT_LT(got.softplus_error + got.sigmoid_error + got.slope_error, 1e-12);
    }
  }
  EXPECT_NEAR(logistic::smooth(0, 50).sigmoid, 0.5, 1e-14);
  EXPECT_LT(logistic::smooth(3, 1000).sigmoid_error, 1e-12);
}

}  // namespace
}  // namespace variscope::models
