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

std::optional<Matrix> cholesky(const Matrix& a) {
  Matrix lower(a.rows, a.rows);
  for (Index i = 0; i < a.rows; ++i) {
    for (Index j = 0; j <= i; ++j) {
      double rest = a(i, j);
      for (Index k = 0; k < j; ++k) rest -= lower(i, k) * lower(j, k);
      if (j < i) {
        lower(i, j) = rest / lower(j, j);
      } else {
        if (!(rest > 0) || !std::isfinite(rest)) return std::nullopt;
        lower(i, i) = std::sqrt(rest);
      }
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

Matrix inverse_of_cholesky(const Matrix& lower) {
  Matrix result(lower.rows, lower.rows);
  std::vector<double> column(static_cast<std::size_t>(lower.rows));
  for (Index j = 0; j < lower.rows; ++j) {
    column.assign(column.size(), 0.0);
    column[static_cast<std::size_t>(j)] = 1;
    solve_lower(lower, column);
    solve_lower_transposed(lower, column);
    for (Index i = j; i < lower.rows; ++i) result(i, j) = result(j, i) = column[static_cast<std::size_t>(i)];
  }
  return result;
}

double log_diagonal(const Matrix& lower) {
  double sum = 0;
  for (Index i = 0; i < lower.rows; ++i) sum += std::log(lower(i, i));
  return sum;
}

}  // namespace variscope::dense
