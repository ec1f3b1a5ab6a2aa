/// Small dense linear algebra whose order of operations is fixed.
#include "engine/dense.hpp"

#include <algorithm>
#include <cmath>

#include "engine/aligned_vector.hpp"
#include "engine/simd/pack.hpp"

namespace variscope::dense {

Matrix identity(Index dim) {
  Matrix result(dim, dim);
  for (Index i = 0; i < dim; ++i) result(i, i) = 1;
  return result;
}

Matrix transposed(const Matrix& a) {
  Matrix result(a.columns, a.rows);
  for (Index i = 0; i < a.rows; ++i) {
    for (Index j = 0; j < a.columns; ++j) result(j, i) = a(i, j);
  }
  return result;
}

namespace {

constexpr Index kPanel = 2 * simd::kWidth;  ///< columns of the result at once: two packs
constexpr Index kRows = 6;                  ///< rows at once: twelve sums in registers

/// `Rows` rows of the result in the panel's columns: the sums stay in registers over the whole inner index.
template <Index Rows>
void product_panel(const Matrix& a, Index first, const double* panel, double* out) {
  simd::Pack left[Rows] = {};
  simd::Pack right[Rows] = {};
  const double* rows[Rows];
  for (Index r = 0; r < Rows; ++r) rows[r] = a.row(first + r);
  for (Index k = 0; k < a.columns; ++k) {
    const simd::Pack b0 = simd::load(panel + k * kPanel);
    const simd::Pack b1 = simd::load(panel + k * kPanel + simd::kWidth);
#pragma GCC unroll 8
    for (Index r = 0; r < Rows; ++r) {
      const simd::Pack factor = simd::broadcast(rows[r][k]);
      left[r] = simd::fma(factor, b0, left[r]);
      right[r] = simd::fma(factor, b1, right[r]);
    }
  }
  for (Index r = 0; r < Rows; ++r) {
    simd::store(out + r * kPanel, left[r]);
    simd::store(out + r * kPanel + simd::kWidth, right[r]);
  }
}

}  // namespace

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result(a.rows, b.columns);
  AlignedVector panel(static_cast<std::size_t>(a.columns * kPanel));
  double out[kRows * kPanel];
  for (Index column = 0; column < b.columns; column += kPanel) {
    const Index live = std::min(kPanel, b.columns - column);
    for (Index k = 0; k < a.columns; ++k) {
      double* to = panel.data() + k * kPanel;
      std::copy_n(b.row(k) + column, live, to);
      std::fill(to + live, to + kPanel, 0.0);
    }
    for (Index i = 0; i < a.rows;) {
      const Index rows = i + kRows <= a.rows ? kRows : 1;
      rows == kRows ? product_panel<kRows>(a, i, panel.data(), out) : product_panel<1>(a, i, panel.data(), out);
      for (Index r = 0; r < rows; ++r) std::copy_n(out + r * kPanel, live, result.row(i + r) + column);
      i += rows;
    }
  }
  return result;
}

std::vector<double> product(const Matrix& a, std::span<const double> x) {
  std::vector<double> result;
  result.reserve(static_cast<std::size_t>(a.rows));
  for (Index i = 0; i < a.rows; ++i) result.push_back(dot({a.row(i), x.size()}, x));
  return result;
}

double dot(std::span<const double> x, std::span<const double> y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum = std::fma(x[i], y[i], sum);
  return sum;
}

namespace {

/// Of `Rows` rows from `first`: sums[r] (kPanel entries, as they are) minus the products over k of [0, inner) of the row and the panel,
/// each entry one chain in the order of k.
template <Index Rows>
void subtract_panel(const Matrix& a, Index first, Index inner, const double* panel, double* sums) {
  simd::Pack left[Rows];
  simd::Pack right[Rows];
  for (Index r = 0; r < Rows; ++r) {
    left[r] = simd::load(sums + r * kPanel);
    right[r] = simd::load(sums + r * kPanel + simd::kWidth);
  }
  for (Index k = 0; k < inner; ++k) {
    const simd::Pack b0 = simd::load(panel + k * kPanel);
    const simd::Pack b1 = simd::load(panel + k * kPanel + simd::kWidth);
#pragma GCC unroll 8
    for (Index r = 0; r < Rows; ++r) {
      const simd::Pack factor = simd::broadcast(a(first + r, k));
      left[r] = left[r] - factor * b0;
      right[r] = right[r] - factor * b1;
    }
  }
  for (Index r = 0; r < Rows; ++r) {
    simd::store(sums + r * kPanel, left[r]);
    simd::store(sums + r * kPanel + simd::kWidth, right[r]);
  }
}

}  // namespace

std::optional<Matrix> cholesky(const Matrix& a) {
  // Columns in panels. What earlier columns take from an entry is subtracted by packs, the panel's own columns one by one: the chain of
  // every entry runs over k from 0 on.
  const Index dim = a.rows;
  Matrix lower(dim, dim);
  AlignedVector panel(static_cast<std::size_t>(dim * kPanel));
  double sums[kRows * kPanel];
  for (Index column = 0; column < dim; column += kPanel) {
    const Index live = std::min(kPanel, dim - column);
    for (Index k = 0; k < column; ++k) {
      for (Index j = 0; j < kPanel; ++j) panel[static_cast<std::size_t>(k * kPanel + j)] = j < live ? lower(column + j, k) : 0.0;
    }
    for (Index first = column; first < dim;) {
      const Index rows = first >= column + live && first + kRows <= dim ? kRows : 1;
      for (Index r = 0; r < rows; ++r) {
        const Index last = std::min(live, first + r - column + 1);  // a's lower triangle alone is read
        std::fill_n(sums + r * kPanel, kPanel, 0.0);
        std::copy_n(a.row(first + r) + column, last, sums + r * kPanel);
      }
      rows == kRows ? subtract_panel<kRows>(lower, first, column, panel.data(), sums)
                    : subtract_panel<1>(lower, first, column, panel.data(), sums);
      for (Index r = 0; r < rows; ++r) {
        const Index i = first + r;
        double* row = lower.row(i);
        for (Index j = column; j < std::min(column + live, i + 1); ++j) {
          double rest = sums[r * kPanel + j - column];
          for (Index k = column; k < j; ++k) rest -= row[k] * lower(j, k);
          if (j < i) {
            row[j] = rest / lower(j, j);
          } else {
            if (!(rest > 0) || !std::isfinite(rest)) return std::nullopt;
            row[i] = std::sqrt(rest);
          }
        }
      }
      first += rows;
    }
  }
  return lower;
}

void solve_lower(const Matrix& lower, std::span<double> x) {
  for (Index i = 0; i < lower.rows; ++i) {
    double rest = x[static_cast<std::size_t>(i)];
    for (Index k = 0; k < i; ++k) rest -= lower(i, k) * x[static_cast<std::size_t>(k)];
    x[static_cast<std::size_t>(i)] = rest / lower(i, i);
  }
}

void solve_lower_transposed(const Matrix& lower, std::span<double> x) {
  for (Index i = lower.rows; i-- > 0;) {
    const double solved = x[static_cast<std::size_t>(i)] / lower(i, i);
    x[static_cast<std::size_t>(i)] = solved;
    for (Index k = 0; k < i; ++k) x[static_cast<std::size_t>(k)] -= lower(i, k) * solved;
  }
}

namespace {

/// Row i of a panel becomes (itself - sum over k of factors[k] times row k) / pivot, k from `first` on in steps of `step` up to `last`
/// exclusive: one chain for every entry.
void solve_row(double* panel, Index i, Index first, Index last, Index step, const double* factors, double pivot) {
  double* to = panel + i * kPanel;
  simd::Pack left = simd::load(to);
  simd::Pack right = simd::load(to + simd::kWidth);
  for (Index k = first; k != last; k += step) {
    const simd::Pack factor = simd::broadcast(factors[k]);
    left = left - factor * simd::load(panel + k * kPanel);
    right = right - factor * simd::load(panel + k * kPanel + simd::kWidth);
  }
  simd::store(to, left / pivot);
  simd::store(to + simd::kWidth, right / pivot);
}

}  // namespace

void solve_lower_transposed(const Matrix& lower, Matrix& columns) {
  const Index dim = lower.rows;
  const Matrix upper = transposed(lower);
  AlignedVector panel(static_cast<std::size_t>(dim * kPanel));
  for (Index column = 0; column < columns.columns; column += kPanel) {
    const Index live = std::min(kPanel, columns.columns - column);
    for (Index i = 0; i < dim; ++i) std::copy_n(columns.row(i) + column, live, panel.data() + i * kPanel);
    for (Index i = dim; i-- > 0;) solve_row(panel.data(), i, dim - 1, i, -1, upper.row(i), lower(i, i));
    for (Index i = 0; i < dim; ++i) std::copy_n(panel.data() + i * kPanel, live, columns.row(i) + column);
  }
}

Matrix inverse_of_cholesky(const Matrix& lower) {
  // Columns of the inverse in panels: solve_lower() and solve_lower_transposed() of unit vectors side by side, each entry's chain in their
  // order. Zeros above a column's own row are left out: subtracting them changes nothing.
  const Index dim = lower.rows;
  const Matrix upper = transposed(lower);
  Matrix result(dim, dim);
  AlignedVector panel(static_cast<std::size_t>(dim * kPanel));
  for (Index column = 0; column < dim; column += kPanel) {
    const Index live = std::min(kPanel, dim - column);
    for (Index i = column; i < dim; ++i) {
      double* row = panel.data() + i * kPanel;
      std::fill_n(row, kPanel, 0.0);
      if (i < column + live) row[i - column] = 1;
      solve_row(panel.data(), i, column, i, 1, lower.row(i), lower(i, i));
    }
    for (Index i = dim; i-- > column;) solve_row(panel.data(), i, dim - 1, i, -1, upper.row(i), lower(i, i));
    for (Index j = 0; j < live; ++j) {
      for (Index i = column + j; i < dim; ++i)
        result(i, column + j) = result(column + j, i) = panel[static_cast<std::size_t>(i * kPanel + j)];
    }
  }
  return result;
}

double log_diagonal(const Matrix& lower) {
  double sum = 0;
  for (Index i = 0; i < lower.rows; ++i) sum += std::log(lower(i, i));
  return sum;
}

}  // namespace variscope::dense
