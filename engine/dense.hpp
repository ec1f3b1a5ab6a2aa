/// Small dense linear algebra whose order of operations is fixed: products, Cholesky's factorisation, triangular solves.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/index.hpp"

namespace variscope::dense {

/// rows x columns doubles, row by row. Written out rather than Eigen's: its products cut their sums by the number of threads, and g++ 12
/// reports false warnings in them for AVX-512.
struct Matrix {
  Index rows = 0;
  Index columns = 0;
  std::vector<double> values;

  Matrix() = default;
  /// Zeros.
  Matrix(Index row_count, Index column_count)
      : rows(row_count), columns(column_count), values(static_cast<std::size_t>(row_count * column_count), 0.0) {}
  /// values: rows x columns of them.
  Matrix(Index row_count, Index column_count, std::span<const double> from)
      : rows(row_count), columns(column_count), values(from.begin(), from.end()) {}

  [[nodiscard]] double* row(Index i) { return values.data() + i * columns; }
  [[nodiscard]] const double* row(Index i) const { return values.data() + i * columns; }
  [[nodiscard]] double& operator()(Index i, Index j) { return values[static_cast<std::size_t>(i * columns + j)]; }
  [[nodiscard]] double operator()(Index i, Index j) const { return values[static_cast<std::size_t>(i * columns + j)]; }
};

Matrix identity(Index dim);
Matrix transposed(const Matrix& a);
/// a b. Every entry is one chain of fma in the order of the inner index from 0 on, whatever the shapes and wherever it stands: the bits of
/// dot() of its row and column, and a product's rows are those of the product of these rows. O(rows inner columns), near the speed of
/// a blocked product.
Matrix product(const Matrix& a, const Matrix& b);
/// a x.
std::vector<double> product(const Matrix& a, std::span<const double> x);
/// x'y, one chain of fma in order.
double dot(std::span<const double> x, std::span<const double> y);

/// L with L L' = a, of whose entries the lower triangle is read; nothing unless a is positive definite and finite. O(dim^3 / 3).
std::optional<Matrix> cholesky(const Matrix& a);
/// x becomes L^-1 x; L'^-1 x. L: lower triangular.
void solve_lower(const Matrix& lower, std::span<double> x);
void solve_lower_transposed(const Matrix& lower, std::span<double> x);
/// Every column of a matrix of L's rows becomes L'^-1 times it, with the bits of the above. O(dim^2 columns / 2).
void solve_lower_transposed(const Matrix& lower, Matrix& columns);
/// (L L')^-1.
Matrix inverse_of_cholesky(const Matrix& lower);
/// sum_i log L_ii.
double log_diagonal(const Matrix& lower);

}  // namespace variscope::dense
