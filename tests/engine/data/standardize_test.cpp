/// Column moments against numpy, against a plain reference, and across shards; standardised columns and the intercept.
#include "engine/data/standardize.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <utility>

#include "engine/data/csv.hpp"
#include "engine/error.hpp"
#include "tests/engine/data/breast_cancer_moments.hpp"

namespace variscope::data {
namespace {

const std::string kBreastCancer = VARISCOPE_SOURCE_DIR "/experiments/data/breast_cancer.csv";

Table random_table(Index rows, Index columns, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal(3.0, 2.0);
  Table table;
  table.rows = rows;
  table.held = {0, rows};
  for (Index c = 0; c < columns; ++c) table.columns.push_back("c" + std::to_string(c));
  for (Index i = 0; i < rows * columns; ++i) table.design.push_back(normal(engine));
  return table;
}

/// The fold of a single unit's leaves as the tree defines it, top down: independent of MomentsFold.
std::vector<double> fold_node(const std::vector<std::vector<double>>& leaves, Range range) {
  if (range.size() == 1) return leaves[static_cast<std::size_t>(range.first)];
  Index half = 1;
  while (2 * half < range.size()) half *= 2;
  std::vector<double> left = fold_node(leaves, {range.first, range.first + half});
  ColumnMoments::merge(left, fold_node(leaves, {range.first + half, range.last}));
  return left;
}

TEST(StandardizeTest, BreastCancerMomentsAreNumpys) {
  const CsvScan scan = scan_csv(kBreastCancer);
  const Table table = load_csv(scan, {"", {0, scan.rows}, 0});
  ASSERT_EQ(scan.rows, 569);
  ASSERT_EQ(table.width(), 31);
  for (const Index row_tile : {1, 7, 256, 1000}) {
    const std::vector<double> folded = fold_moments(table, row_tile);
    const ColumnMoments moments{folded};
    EXPECT_EQ(moments.count(), 569.0);
    for (std::size_t c = 0; c < 31; ++c) {
      const auto& expected = testing::kBreastCancerMoments[c];
      EXPECT_EQ(table.columns[c], expected.column);
      // Rounding of 569 terms, relative.
      EXPECT_NEAR(moments.mean(c) / expected.mean, 1.0, 2e-14) << expected.column;
      EXPECT_NEAR(moments.sd(c) / expected.sd, 1.0, 2e-14) << expected.column;
    }
  }
}

TEST(StandardizeTest, BreastCancerResponse) {
  const CsvScan scan = scan_csv(kBreastCancer);
  const Table table = load_csv(scan, {"malignant", {0, scan.rows}, 0});
  EXPECT_EQ(table.width(), 30);
  double malignant = 0.0;
  for (const double y : table.response) {
    EXPECT_TRUE(y == 0.0 || y == 1.0);
    malignant += y;
  }
  EXPECT_EQ(malignant, 212.0);
}

TEST(StandardizeTest, MomentsSurviveALargeOffset) {
  // Sums of squares would lose all digits: sd 1 at mean 1e9.
  Table table = random_table(1000, 1, 5);
  const std::vector<double> plain = fold_moments(table, 64);
  for (double& x : table.design) x = (x - 3.0) + 1e9;
  const std::vector<double> shifted = fold_moments(table, 64);
  EXPECT_NEAR(ColumnMoments{shifted}.sd(0), ColumnMoments{plain}.sd(0), 1e-6);
}

TEST(StandardizeTest, MinimumAndMaximum) {
  const Table table = random_table(100, 2, 6);
  const std::vector<double> folded = fold_moments(table, 9);
  for (std::size_t c = 0; c < 2; ++c) {
    double low = table.design[c];
    double high = table.design[c];
    for (Index row = 0; row < 100; ++row) {
      low = std::min(low, table.row(row)[c]);
      high = std::max(high, table.row(row)[c]);
    }
    EXPECT_EQ(ColumnMoments{folded}.minimum(c), low);
    EXPECT_EQ(ColumnMoments{folded}.maximum(c), high);
  }
}

TEST(StandardizeTest, StreamedFoldFollowsTheTree) {
  for (Index leaf_count = 1; leaf_count <= 40; ++leaf_count) {
    const Table table = random_table(leaf_count * 4 - 1, 3, 7);
    std::vector<std::vector<double>> leaves;
    for (Index tile = 0; tile < row_tiles(table.rows, 4); ++tile) {
      leaves.emplace_back(ColumnMoments::size(3));
      ColumnMoments::of_tile(table, row_tile_range(table.rows, 4, tile), leaves.back());
    }
    ASSERT_EQ(static_cast<Index>(leaves.size()), leaf_count);
    EXPECT_EQ(fold_moments(table, 4), fold_node(leaves, {0, leaf_count})) << leaf_count;
  }
}

TEST(StandardizeTest, BitsDoNotDependOnSharding) {
  const CsvScan scan = scan_csv(kBreastCancer);
  const Index tile_rows = 32;
  const Index tile_count = row_tiles(scan.rows, tile_rows);
  std::vector<std::vector<double>> results;
  std::vector<std::vector<double>> tables;
  for (const Index ranks : {1, 2, 3, 5, 18}) {
    // Each pretended rank loads its tiles alone; leaves are then folded by global index, as the distributed fold does.
    std::vector<std::vector<double>> leaves(static_cast<std::size_t>(tile_count), std::vector<double>(ColumnMoments::size(30)));
    std::vector<Table> shares;
    for (Index rank = 0; rank < ranks; ++rank) {
      const Range tiles = balanced_range(tile_count, ranks, rank);
      const Range held{tiles.first * tile_rows, std::min(tiles.last * tile_rows, scan.rows)};
      shares.push_back(load_csv(scan, {"malignant", held, 1}));
      for (Index tile = tiles.first; tile < tiles.last; ++tile) {
        ColumnMoments::of_tile(shares.back(), row_tile_range(scan.rows, tile_rows, tile), leaves[static_cast<std::size_t>(tile)]);
      }
    }
    results.push_back(fold_node(leaves, {0, tile_count}));
    std::vector<double> all;
    for (Table& share : shares) {
      standardize(share, results.back(), "data");
      add_intercept(share, "data");
      all.insert(all.end(), share.design.begin(), share.design.end());
    }
    tables.push_back(std::move(all));
    EXPECT_EQ(results.back(), results.front()) << ranks;
    EXPECT_EQ(tables.back(), tables.front()) << ranks;
  }
}

TEST(StandardizeTest, MergeOfEmptyPartialsIsTheIdentity) {
  const Table table = random_table(10, 2, 8);
  const std::vector<double> folded = fold_moments(table, 4);
  std::vector<double> empty(ColumnMoments::size(2), 0.0);
  std::vector<double> left = folded;
  ColumnMoments::merge(left, empty);
  EXPECT_EQ(left, folded);
  ColumnMoments::merge(empty, folded);
  EXPECT_EQ(empty, folded);
  EXPECT_EQ(MomentsFold(2).result(), std::vector<double>(ColumnMoments::size(2), 0.0));
}

TEST(StandardizeTest, StandardisedColumnsHaveMeanZeroAndSdOne) {
  const CsvScan scan = scan_csv(kBreastCancer);
  Table table = load_csv(scan, {"malignant", {0, scan.rows}, 1});
  const Table raw = table;
  const std::vector<double> moments = fold_moments(table, 256);
  const double* memory = table.design.data();
  standardize(table, moments, "data");
  const std::vector<double> after = fold_moments(table, 256);
  for (std::size_t c = 0; c < 30; ++c) {
    EXPECT_NEAR(ColumnMoments{after}.mean(c), 0.0, 1e-13);
    EXPECT_NEAR(ColumnMoments{after}.sd(c), 1.0, 1e-13);
    EXPECT_EQ(table.row(17)[c], (raw.row(17)[c] - ColumnMoments{moments}.mean(c)) / ColumnMoments{moments}.sd(c));
  }
  const Table before = table;
  add_intercept(table, "data");
  EXPECT_EQ(table.design.data(), memory);  // the reserved memory suffices
  EXPECT_EQ(table.width(), 31);
  EXPECT_EQ(table.columns.back(), "intercept");
  for (Index row = 0; row < table.rows; ++row) {
    for (Index c = 0; c < 30; ++c) ASSERT_EQ(table.row(row)[c], before.row(row)[c]);
    ASSERT_EQ(table.row(row)[30], 1.0);
  }
  EXPECT_EQ(table.response, raw.response);
}

TEST(StandardizeTest, RowsBeginWithALineWhereItCostsLittle) {
  EXPECT_EQ(row_padding(100), 4);
  EXPECT_EQ(row_padding(101), 3);
  EXPECT_EQ(row_padding(500), 4);
  EXPECT_EQ(row_padding(31), 1);
  EXPECT_EQ(row_padding(30), 0);  // two numbers more than a sixteenth
  EXPECT_EQ(row_padding(10), 0);
  EXPECT_EQ(row_padding(64), 0);
  EXPECT_EQ(row_padding(0), 0);
  for (const Index columns : {0, 10, 31, 100}) {
    const Table dense = random_table(50, columns, 8);
    Table table = dense;
    align_rows(table);
    EXPECT_EQ(table.stride(), columns + row_padding(columns));
    ASSERT_EQ(static_cast<Index>(table.design.size()), 50 * table.stride());
    for (Index row = 0; row < 50; ++row) {
      for (Index c = 0; c < columns; ++c) ASSERT_EQ(table.row(row)[c], dense.row(row)[c]);
      for (Index c = columns; c < table.stride(); ++c) ASSERT_EQ(table.row(row)[c], 0.0);
      if (table.padding > 0) {
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(table.row(row)) % 64, 0U);
      }
    }
  }
}

TEST(StandardizeTest, InterceptOfEmptyAndOfOneRow) {
  Table empty = random_table(0, 3, 1);
  add_intercept(empty, "data");
  EXPECT_TRUE(empty.design.empty());
  Table none = random_table(2, 0, 1);
  add_intercept(none, "data");
  ASSERT_EQ(none.design.size(), 2U);
  EXPECT_EQ(none.design[0], 1.0);
  EXPECT_EQ(none.design[1], 1.0);
}

template <class Action>
std::string error(const Action& action) {
  try {
    action();
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

TEST(StandardizeTest, ConstantColumnIsNamed) {
  for (const double value : {0.0, 0.1, -1e300, 1e-300, 12345.678}) {
    Table table = random_table(1000, 3, 9);
    for (std::size_t r = 0; r < 1000; ++r) table.design[3 * r + 1] = value;
    const std::vector<double> moments = fold_moments(table, 64);
    const std::string text = error([&] { standardize(table, moments, "t.csv"); });
    EXPECT_EQ(text.rfind("t.csv: column 'c1' is constant (every value is ", 0), 0U) << text;
    EXPECT_NE(text.find("Drop it, or set data.standardize = false."), std::string::npos) << text;
  }
  // One row makes every column constant.
  Table one = random_table(1, 1, 2);
  EXPECT_NE(error([&] { standardize(one, fold_moments(one, 8), "t.csv"); }), "no error");
  // A small but real spread is not constant.
  Table close = random_table(100, 1, 3);
  for (double& x : close.design) x = 1.0 + 1e-9 * x;
  EXPECT_EQ(error([&] { standardize(close, fold_moments(close, 8), "t.csv"); }), "no error");
}

TEST(StandardizeTest, SecondInterceptIsRefused) {
  Table table = random_table(3, 1, 4);
  add_intercept(table, "t.csv");
  EXPECT_EQ(error([&] { add_intercept(table, "t.csv"); }),
            "t.csv: column 'intercept' exists already (the intercept is added). Rename it, or set data.intercept = false.");
}

}  // namespace
}  // namespace variscope::data
