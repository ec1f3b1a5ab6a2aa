/// Column moments: two passes over a chunk that lies in the first-level cache, then a merge.
#include "engine/models/column_moments.hpp"

#include <algorithm>

#include "engine/simd/pack.hpp"

namespace variscope::models {

namespace {

using simd::Pack;

/// Rows taken together: 16 rows of 100 columns are 12.8 kB. Part of the arithmetic.
constexpr int kRows = 16;
constexpr int kWidth = simd::kWidth;

/// What merging a chunk of `count` rows into `before` rows weighs.
struct Weights {
  double inverse_count;
  double step;    ///< count / (before + count)
  double spread;  ///< before count / (before + count)
};

/// G packs of columns from `d` on.
template <int G>
void merge_packs(const double* const* rows, int count, Index d, const Weights& weights, double* mean, double* squares) {
  Pack sum[G] = {};
  for (int n = 0; n < count; ++n) {
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) sum[g] = sum[g] + simd::load(rows[n] + d + g * kWidth);
  }
  Pack spread[G] = {};
  for (int g = 0; g < G; ++g) sum[g] = sum[g] * weights.inverse_count;
  for (int n = 0; n < count; ++n) {
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) {
      const Pack difference = simd::load(rows[n] + d + g * kWidth) - sum[g];
      spread[g] = simd::fma(difference, difference, spread[g]);
    }
  }
  for (int g = 0; g < G; ++g) {
    double* m = mean + d + g * kWidth;
    double* q = squares + d + g * kWidth;
    const Pack delta = sum[g] - simd::load(m);
    simd::store(m, simd::fma(delta, simd::broadcast(weights.step), simd::load(m)));
    simd::store(q, simd::load(q) + simd::fma(delta * delta, simd::broadcast(weights.spread), spread[g]));
  }
}

}  // namespace

void column_moments(const data::Table& table, const RowList& rows, ColumnMoments& to) {
  const Index width = table.width();
  to.rows = rows.size();
  to.mean.resize(width, 1);  // 8 doubles a column: packs fit
  to.squares.resize(width, 1);
  to.mean.set_zero();
  to.squares.set_zero();
  const bool picked = rows.indices != nullptr;
  const double* chunk[kRows];
  for (Index first = 0; first < to.rows; first += kRows) {
    const int count = static_cast<int>(std::min<Index>(kRows, to.rows - first));
    for (int n = 0; n < count; ++n) chunk[n] = table.row(rows[first + n]);
    if (picked) {
      for (int n = 0; n < count; ++n) {
        for (Index d = 0; d < width; d += 8) __builtin_prefetch(chunk[n] + d);
      }
    }
    const auto before = static_cast<double>(first);
    const double here = count;
    const Weights weights{1.0 / here, here / (before + here), before * here / (before + here)};
    Index d = 0;
    for (; d + 4 * kWidth <= width; d += 4 * kWidth) merge_packs<4>(chunk, count, d, weights, to.mean.data(), to.squares.data());
    // The last pack may reach into the next row, or the slack behind the table: those lanes are never read.
    for (; d < width; d += kWidth) merge_packs<1>(chunk, count, d, weights, to.mean.data(), to.squares.data());
  }
}

}  // namespace variscope::models
