/// Small dense linear algebra whose order of operations is fixed.
#include "engine/dense.hpp"

#include <cmath>

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

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result(a.rows, b.columns);
  for (Index i = 0; i < a.rows; ++i) {
    double* to = result.row(i);
    for (Index k = 0; k < a.columns; ++k) {
      const double left = a(i, k);
      const double* from = b.row(k);
      for (Index j = 0; j < b.columns; ++j) to[j] += left * from[j];
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
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
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
