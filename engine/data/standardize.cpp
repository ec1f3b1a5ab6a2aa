/// Tile moments, Chan's merge, and the standardised design.
#include "engine/data/standardize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.hpp"

namespace variscope::data {

void ColumnMoments::merge(std::span<double> left, std::span<const double> right) {
  const double count_left = left[0];
  const double count_right = right[0];
  if (count_right == 0.0) return;
  if (count_left == 0.0) {
    std::copy(right.begin(), right.end(), left.begin());
    return;
  }
  const std::size_t n = (left.size() - 1) / 4;
  const double count = count_left + count_right;
  const double share = count_right / count;
  double* mean = left.data() + 1;
  double* squares = mean + n;
  double* minimum = squares + n;
  double* maximum = minimum + n;
  const double* other = right.data() + 1;
  for (std::size_t c = 0; c < n; ++c) {
    const double delta = other[c] - mean[c];
    mean[c] += delta * share;
    squares[c] += other[n + c] + delta * delta * (count_left * share);
    minimum[c] = std::min(minimum[c], other[2 * n + c]);
    maximum[c] = std::max(maximum[c], other[3 * n + c]);
  }
  left[0] = count;
}

void ColumnMoments::of_rows(const double* rows, Index row_count, Index columns, std::span<double> out) {
  std::fill(out.begin(), out.end(), 0.0);
  if (row_count == 0) return;
  const auto n = static_cast<std::size_t>(columns);
  const auto count = static_cast<std::size_t>(row_count);
  double* mean = out.data() + 1;
  double* squares = mean + n;
  double* minimum = squares + n;
  double* maximum = minimum + n;
  std::copy(rows, rows + n, minimum);
  std::copy(rows, rows + n, maximum);
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t c = 0; c < n; ++c) {
      const double x = rows[r * n + c];
      mean[c] += x;
      minimum[c] = std::min(minimum[c], x);
      maximum[c] = std::max(maximum[c], x);
    }
  }
  out[0] = static_cast<double>(row_count);
  for (std::size_t c = 0; c < n; ++c) mean[c] /= out[0];
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t c = 0; c < n; ++c) {
      const double deviation = rows[r * n + c] - mean[c];
      squares[c] += deviation * deviation;
    }
  }
}

void ColumnMoments::of_tile(const Table& table, Range rows, std::span<double> out) {
  of_rows(table.row(rows.first), rows.size(), table.width(), out);
}

double ColumnMoments::sd(std::size_t c) const { return std::sqrt(sum_of_squares(c) / count()); }

bool ColumnMoments::constant(std::size_t c) const {
  const double largest = std::max(std::abs(minimum(c)), std::abs(maximum(c)));
  return maximum(c) - minimum(c) <= 64.0 * std::numeric_limits<double>::epsilon() * largest;
}

void MomentsFold::add(std::span<const double> leaf) {
  pending_.push_back({0, {leaf.begin(), leaf.end()}});
  // Two nodes of one level are siblings, because leaves come in order: merge them into their parent.
  while (pending_.size() >= 2 && pending_[pending_.size() - 2].level == pending_.back().level) {
    Entry& left = pending_[pending_.size() - 2];
    ColumnMoments::merge(left.partial, pending_.back().partial);
    ++left.level;
    pending_.pop_back();
  }
}

std::vector<double> MomentsFold::result() const {
  if (pending_.empty()) return std::vector<double>(ColumnMoments::size(columns_), 0.0);
  std::vector<double> folded = pending_.back().partial;
  for (std::size_t i = pending_.size() - 1; i-- > 0;) {
    std::vector<double> left = pending_[i].partial;
    ColumnMoments::merge(left, folded);
    folded = std::move(left);
  }
  return folded;
}

std::vector<double> fold_moments(const Table& table, Index row_tile) {
  MomentsFold fold(table.width());
  std::vector<double> leaf(ColumnMoments::size(table.width()));
  for (Index tile = 0; tile < row_tiles(table.rows, row_tile); ++tile) {
    ColumnMoments::of_tile(table, row_tile_range(table.rows, row_tile, tile), leaf);
    fold.add(leaf);
  }
  return fold.result();
}

void standardize(Table& table, std::span<const double> moments, const std::string& place, const std::vector<bool>& skipped) {
  const ColumnMoments all{moments};
  const std::size_t n = table.columns.size();
  std::vector<double> mean(n);
  std::vector<double> sd(n, 1.0);
  for (std::size_t c = 0; c < n; ++c) {
    if (!skipped.empty() && skipped[c]) continue;  // (x - 0) / 1 is x, bit for bit
    if (all.constant(c)) {
      throw UserError(
          fmt::format("{}: column '{}' is constant (every value is {}, so it has no scale). Drop it, or set data.standardize = false.",
                      place, table.columns[c], all.mean(c)));
    }
    mean[c] = all.mean(c);
    sd[c] = all.sd(c);
  }
  const auto rows = static_cast<std::size_t>(table.held.size());
  for (std::size_t r = 0; r < rows; ++r) {
    double* row = table.design.data() + r * n;
    for (std::size_t c = 0; c < n; ++c) row[c] = (row[c] - mean[c]) / sd[c];
  }
}

namespace {

/// Room for `more` columns behind the `n` of each row, what was there kept.
void widen(Table& table, std::size_t n, std::size_t more) {
  const auto rows = static_cast<std::size_t>(table.held.size());
  table.design.resize(rows * (n + more));
  double* design = table.design.data();
  // From the last row down, so that no row is overwritten before it has moved.
  for (std::size_t r = rows; r-- > 0;) std::copy_backward(design + r * n, design + (r + 1) * n, design + r * (n + more) + n);
}

}  // namespace

void add_products(Table& table, const std::vector<ProductColumn>& products) {
  if (products.empty()) return;
  const std::size_t n = table.columns.size();
  const std::size_t width = n + products.size();
  widen(table, n, products.size());
  for (std::size_t r = 0; r < static_cast<std::size_t>(table.held.size()); ++r) {
    double* row = table.design.data() + r * width;
    for (std::size_t p = 0; p < products.size(); ++p) {
      double product = 1.0;
      for (const Index factor : products[p].factors) product *= row[factor];
      row[n + p] = product;
    }
  }
  for (const ProductColumn& product : products) table.columns.push_back(product.name);
}

void add_intercept(Table& table, const std::string& place) {
  if (std::find(table.columns.begin(), table.columns.end(), "intercept") != table.columns.end()) {
    throw UserError(
        fmt::format("{}: column 'intercept' exists already (the intercept is added). Rename it, or set data.intercept = false.", place));
  }
  const std::size_t n = table.columns.size();
  widen(table, n, 1);
  for (std::size_t r = 0; r < static_cast<std::size_t>(table.held.size()); ++r) table.design[r * (n + 1) + n] = 1.0;
  table.columns.emplace_back("intercept");
}

Index row_padding(Index width) {
  constexpr Index kLine = 8;
  constexpr Index kWorth = 16;
  const Index padding = (kLine - width % kLine) % kLine;
  return kWorth * padding <= width ? padding : 0;
}

void align_rows(Table& table) {
  const Index padding = row_padding(table.width());
  if (padding == 0) return;
  widen(table, table.columns.size(), static_cast<std::size_t>(padding));
  table.padding = padding;
  for (Index r = 0; r < table.held.size(); ++r) std::fill_n(table.design.begin() + r * table.stride() + table.width(), padding, 0.0);
}

}  // namespace variscope::data
