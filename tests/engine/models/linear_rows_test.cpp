/// Linear and logistic regression row by row: densities that add up to the log likelihood, means, simulated responses.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "engine/data/standardize.hpp"
#include "engine/models/linear_regression.hpp"
#include "engine/models/logistic_regression.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::models {
namespace {

data::Table table_of(Index rows, Index columns, bool binary) {
  std::mt19937_64 engine(11);
  std::normal_distribution<double> normal;
  data::Table table;
  table.rows = rows;
  table.held = {0, rows};
  for (Index d = 0; d < columns; ++d) table.columns.push_back("x" + std::to_string(d));
  for (Index i = 0; i < rows * columns; ++i) table.design.push_back(normal(engine));
  for (Index n = 0; n < rows; ++n) {
    const double y = 2 * normal(engine);
    table.response.push_back(binary ? (y > 0 ? 1 : 0) : y);
  }
  return table;
}

class LinearRows : public testing::TestWithParam<bool> {
 protected:
  static constexpr Index kRows = 150;  // more than two chunks
  static constexpr Index kColumns = 5;
  const data::Table table_ = table_of(kRows, kColumns, GetParam());
  const LinearRegression linear_{table_, 0.7, 0, 1};
  const LogisticRegression logistic_{table_, 0, 1};
  [[nodiscard]] const Model& model() const {
    if (GetParam()) return logistic_;
    return linear_;
  }
};

TEST_P(LinearRows, AddUpToTheLogLikelihood) {
  for (const double spread : {1.0, 30.0}) {
    const tiles::Batch theta = test::random_batch(kColumns, 11, spread, 3);
    tiles::Batch rows(kRows, 11);
    model().row_log_likelihood(test::range(0, kRows), theta.view(), rows.view());
    const tiles::Batch whole = test::likelihood(model(), test::range(0, kRows), theta, test::kValue);
    for (Index s = 0; s < 11; ++s) {
      double sum = 0;
      for (Index n = 0; n < kRows; ++n) sum += rows(n, s);
      EXPECT_NEAR(sum, whole(0, s), 1e-11 * std::abs(whole(0, s)));
    }
    // A list, here and there, has the same bits.
    const std::vector<Index> some = {3, 64, 64, 149};
    tiles::Batch picked(4, 11);
    model().row_log_likelihood(test::list(some), theta.view(), picked.view());
    for (Index k = 0; k < 4; ++k) {
      for (Index s = 0; s < 11; ++s) EXPECT_EQ(picked(k, s), rows(some[static_cast<std::size_t>(k)], s));
    }
  }
}

// Mean and mean square of 4000 responses of each of four rows about those of the model: 8 z-scores, past 5 with probability 5e-6 in all.
TEST_P(LinearRows, SimulatedResponsesHaveTheirDistribution) {
  const std::vector<Index> rows = {0, 7, 70, 149};
  const tiles::Batch batch = test::random_batch(kColumns, 1, 0.4, 5);
  std::vector<double> theta;
  for (Index d = 0; d < kColumns; ++d) theta.push_back(batch(d, 0));
  tiles::Batch mean(4, 1);
  model().row_mean(test::list(rows), batch.view(), mean.view());
  const int count = 4000;
  std::vector<double> sum(4);
  std::vector<double> square(4);
  for (int r = 0; r < count; ++r) {
    const random::Stream stream{8, random::Purpose::response_draw, 0, static_cast<std::uint32_t>(r), 0};
    std::vector<double> y(4);
    model().simulate_responses(test::list(rows), theta, stream, y);
    std::vector<double> alone(1);
    model().simulate_responses(test::list({70}), theta, stream, alone);
    EXPECT_EQ(alone[0], y[2]);
    for (std::size_t k = 0; k < 4; ++k) {
      const double deviation = y[k] - mean(static_cast<Index>(k), 0);
      sum[k] += deviation;
      square[k] += deviation * deviation;
    }
  }
  for (std::size_t k = 0; k < 4; ++k) {
    const double p = mean(static_cast<Index>(k), 0);
    const double variance = GetParam() ? p * (1 - p) : 0.49;
    const double fourth = GetParam() ? p * (1 - p) * (1 - 3 * p * (1 - p)) : 3 * 0.49 * 0.49;
    EXPECT_LT(std::abs(sum[k]), 5 * std::sqrt(count * variance));
    EXPECT_LT(std::abs(square[k] - count * variance), 5 * std::sqrt(count * (fourth - variance * variance)));
  }
}

TEST_P(LinearRows, ZerosBehindTheRowsChangeNoBit) {
  for (const Index columns : {31, 100}) {
    const data::Table dense = table_of(kRows, columns, GetParam());
    data::Table aligned = dense;
    data::align_rows(aligned);
    ASSERT_GT(aligned.padding, 0);
    for (std::size_t r = 0; r < static_cast<std::size_t>(kRows); ++r) {
      // What lies there is never used: not even a NaN would show.
      for (Index c = columns; c < aligned.stride(); ++c)
        aligned.design[r * static_cast<std::size_t>(aligned.stride()) + static_cast<std::size_t>(c)] = std::nan("");
    }
    const auto bits = [&](const data::Table& table, const RowList& rows, Index samples) {
      const tiles::Batch theta = test::random_batch(columns, samples, 0.3, 3);
      return GetParam() ? test::likelihood(LogisticRegression(table, 0, 1), rows, theta, test::kBoth)
                        : test::likelihood(LinearRegression(table, 0.7, 0, 1), rows, theta, test::kBoth);
    };
    const std::vector<Index> some = {3, 64, 64, 149};
    for (const Index samples : {1, 11}) {
      for (const RowList& rows : {test::range(0, kRows), test::range(7, 93), test::list(some)}) {
        const tiles::Batch one = bits(dense, rows, samples);
        const tiles::Batch other = bits(aligned, rows, samples);
        for (Index s = 0; s < samples; ++s) {
          for (Index d = 0; d < one.dim(); ++d) ASSERT_EQ(one(d, s), other(d, s)) << columns << ' ' << d;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, LinearRows, testing::Bool(), [](const auto& instance) { return instance.param ? "logistic" : "linear"; });

}  // namespace
}  // namespace variscope::models
