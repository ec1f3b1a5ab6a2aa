/// Column means and standard deviations as mergeable tile statistics, and the columns they make: centred, scaled, intercept added.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/index.hpp"

namespace variscope::data {

/// A view of a flat partial of `columns` columns: [count, mean[columns], M2[columns], min[columns], max[columns]].
/// All zeros is the empty partial. M2 is the sum of squared deviations from the mean.
struct ColumnMoments {
  std::span<const double> flat;

  /// Doubles in a partial.
  [[nodiscard]] static std::size_t size(Index columns) { return 1 + 4 * static_cast<std::size_t>(columns); }
  /// left becomes the moments of left's rows followed by right's. Source: Chan, Golub, LeVeque 1983, eq. 2.1.
  static void merge(std::span<double> left, std::span<const double> right);
  /// The leaf of one tile: `rows` rows of `columns` numbers, row-major. Two passes, always in row order.
  static void of_rows(const double* rows, Index row_count, Index columns, std::span<double> out);
  /// The same for global rows of a table, which must be held; design columns alone.
  static void of_tile(const Table& table, Range rows, std::span<double> out);

  [[nodiscard]] std::size_t columns() const { return (flat.size() - 1) / 4; }
  [[nodiscard]] double count() const { return flat[0]; }
  [[nodiscard]] double mean(std::size_t c) const { return flat[1 + c]; }
  [[nodiscard]] double sum_of_squares(std::size_t c) const { return flat[1 + columns() + c]; }
  [[nodiscard]] double minimum(std::size_t c) const { return flat[1 + 2 * columns() + c]; }
  [[nodiscard]] double maximum(std::size_t c) const { return flat[1 + 3 * columns() + c]; }
  /// With 1/N.
  [[nodiscard]] double sd(std::size_t c) const;
  /// No spread beyond rounding: max - min <= 64 epsilon max(|min|, |max|).
  [[nodiscard]] bool constant(std::size_t c) const;
};

/// Folds leaves given in order 0, 1, 2, ... along the tree of a single unit (tiles::Tree), which can grow while leaves come in; holds
/// one partial per level. For one process that sees every tile. A study, which knows the number of its leaves beforehand, folds along the
/// tree of its plan's units: the same moments up to rounding.
class MomentsFold {
 public:
  explicit MomentsFold(Index columns) : columns_(columns) {}
  void add(std::span<const double> leaf);
  /// The partial of all leaves; all zeros if there were none.
  [[nodiscard]] std::vector<double> result() const;

 private:
  struct Entry {
    int level = 0;
    std::vector<double> partial;
  };
  Index columns_ = 0;
  std::vector<Entry> pending_;  ///< decreasing levels
};

/// Number of row tiles of `row_tile` global rows, and the rows of one of them.
inline Index row_tiles(Index rows, Index row_tile) { return (rows + row_tile - 1) / row_tile; }
inline Range row_tile_range(Index rows, Index row_tile, Index tile) {
  return {tile * row_tile, (tile + 1) * row_tile < rows ? (tile + 1) * row_tile : rows};
}

/// The moments of a table held whole, by MomentsFold.
std::vector<double> fold_moments(const Table& table, Index row_tile);

/// Replaces each held x by (x - mean) / sd, sd with 1/N, moments being those of all rows. `skipped`: columns left as they are (0/1
/// dummies); empty: none. UserError "place: ..." naming the first constant column.
void standardize(Table& table, std::span<const double> moments, const std::string& place, const std::vector<bool>& skipped = {});

/// A column that is the product of others.
struct ProductColumn {
  std::string name;
  std::vector<Index> factors;  ///< positions in the table
};

/// Adds the products as the last columns. Within the table's reserved memory if there is room.
void add_products(Table& table, const std::vector<ProductColumn>& products);

/// Adds the last column "intercept", all ones. Within the table's reserved memory if there is room.
/// UserError "place: ..." if a column of that name exists.
void add_intercept(Table& table, const std::string& place);

/// Zeros that align_rows puts behind each row: up to the next cache line if that is at most a sixteenth of the row, otherwise none.
Index row_padding(Index width);

/// Lets every row begin with a cache line where row_padding says so: a row picked at random then costs no more lines than it fills, and no
/// load of a kernel straddles two. To be called last, once. Within the table's reserved memory if there is room.
void align_rows(Table& table);

}  // namespace variscope::data
