/// The inverse Hessian that an L-BFGS path knows.
#include "engine/approximations/inverse_hessian.hpp"

#include <algorithm>
#include <cmath>

namespace variscope::approximations {

using dense::Matrix;

CurvatureHistory::CurvatureHistory(Index dim, Index memory) : memory_(memory), diagonal_(static_cast<std::size_t>(dim), 1.0) {}

bool CurvatureHistory::add(std::span<const double> s, std::span<const double> y) {
  const double b = dense::dot(s, y);
  if (!(b > 0) || !(dense::dot(y, y) <= 1e12 * b)) return false;
  double a = 0;
  double c = 0;
  for (std::size_t i = 0; i < diagonal_.size(); ++i) {
    a += y[i] * diagonal_[i] * y[i];
    c += s[i] / diagonal_[i] * s[i];
  }
  for (std::size_t i = 0; i < diagonal_.size(); ++i) {
    const double alpha = diagonal_[i];
    diagonal_[i] = 1 / (a / (b * alpha) + y[i] * y[i] / b - a * s[i] * s[i] / (b * c * alpha * alpha));
  }
  s_.emplace_back(s.begin(), s.end());
  y_.emplace_back(y.begin(), y.end());
  if (size() > memory_) {
    s_.pop_front();
    y_.pop_front();
  }
  return true;
}

namespace {

/// M of H = diag(alpha) + B M B', B = [S, diag(alpha) Y]: with R the upper triangle of S'Y and D its diagonal,
/// M = [[R^-T (D + Y' diag(alpha) Y) R^-1, -R^-T], [-R^-1, 0]].
Matrix middle(const CurvatureHistory& history) {
  const Index pairs = history.size();
  Matrix upper(pairs, pairs);
  Matrix inner(pairs, pairs);
  for (Index i = 0; i < pairs; ++i) {
    for (Index j = 0; j < pairs; ++j) {
      const double product = dense::dot(history.s(i), history.y(j));
      if (j >= i) upper(i, j) = product;
      for (std::size_t d = 0; d < history.diagonal().size(); ++d) inner(i, j) += history.y(i)[d] * history.diagonal()[d] * history.y(j)[d];
      if (i == j) inner(i, j) += product;
    }
  }
  // R^-1, column by column: R' is lower triangular.
  const Matrix lower = dense::transposed(upper);
  Matrix inverse(pairs, pairs);
  std::vector<double> column(static_cast<std::size_t>(pairs));
  for (Index j = 0; j < pairs; ++j) {
    column.assign(column.size(), 0.0);
    column[static_cast<std::size_t>(j)] = 1;
    dense::solve_lower_transposed(lower, column);
    for (Index i = 0; i < pairs; ++i) inverse(i, j) = column[static_cast<std::size_t>(i)];
  }
  const Matrix corner = dense::product(dense::transposed(inverse), dense::product(inner, inverse));
  Matrix result(2 * pairs, 2 * pairs);
  for (Index i = 0; i < pairs; ++i) {
    for (Index j = 0; j < pairs; ++j) {
      result(i, j) = corner(i, j);
      result(i, pairs + j) = -inverse(j, i);
      result(pairs + i, j) = -inverse(i, j);
    }
  }
  return result;
}

/// Rows of `b` (vectors of dim entries) become an orthonormal basis, `coefficients` what they were in it: b_old = coefficients basis.
/// Modified Gram-Schmidt, twice; a vector that lies in the span of those before it adds no basis vector.
Matrix orthonormalise(const Matrix& b, Matrix& coefficients) {
  Matrix basis(0, b.columns);
  coefficients = Matrix(b.rows, std::min(b.rows, b.columns));
  for (Index i = 0; i < b.rows; ++i) {
    std::vector<double> rest(b.row(i), b.row(i) + b.columns);
    const double length = std::sqrt(dense::dot(rest, rest));
    for (int pass = 0; pass < 2; ++pass) {
      for (Index k = 0; k < basis.rows; ++k) {
        const std::span<const double> q(basis.row(k), static_cast<std::size_t>(b.columns));
        const double part = dense::dot(q, rest);
        coefficients(i, k) += part;
        for (std::size_t d = 0; d < rest.size(); ++d) rest[d] -= part * q[d];
      }
    }
    const double left = std::sqrt(dense::dot(rest, rest));
    if (basis.rows == b.columns || !(left > 1e-13 * length)) continue;
    coefficients(i, basis.rows) = left;
    for (const double r : rest) basis.values.push_back(r / left);
    ++basis.rows;
  }
  return basis;
}

}  // namespace

std::optional<InverseHessian> InverseHessian::of(const CurvatureHistory& history) {
  InverseHessian result;
  const auto dim = static_cast<Index>(history.diagonal().size());
  for (const double alpha : history.diagonal()) {
    if (!(alpha > 0) || !std::isfinite(alpha)) return std::nullopt;
    result.root_.push_back(std::sqrt(alpha));
  }
  const Index pairs = history.size();
  Matrix b(2 * pairs, dim);  // rows: alpha^-1/2 s, alpha^1/2 y
  for (Index k = 0; k < pairs; ++k) {
    for (Index d = 0; d < dim; ++d) {
      const auto i = static_cast<std::size_t>(d);
      b(k, d) = history.s(k)[i] / result.root_[i];
      b(pairs + k, d) = history.y(k)[i] * result.root_[i];
    }
  }
  Matrix coefficients;
  result.q_ = orthonormalise(b, coefficients);
  const Index rank = result.q_.rows;
  const Matrix product = dense::product(dense::transposed(coefficients), dense::product(middle(history), coefficients));
  Matrix inner = dense::identity(rank);
  for (Index i = 0; i < rank; ++i) {
    for (Index j = 0; j < rank; ++j) inner(i, j) += 0.5 * (product(i, j) + product(j, i));
  }
  auto lower = dense::cholesky(inner);
  if (!lower) return std::nullopt;
  result.lower_ = std::move(*lower);
  return result;
}

std::vector<double> InverseHessian::root_times(std::span<const double> u) const {
  std::vector<double> inside = dense::product(q_, u);
  const std::vector<double> moved = dense::product(lower_, inside);
  std::vector<double> out(u.begin(), u.end());
  for (Index k = 0; k < q_.rows; ++k) {
    const double by = moved[static_cast<std::size_t>(k)] - inside[static_cast<std::size_t>(k)];
    for (std::size_t d = 0; d < out.size(); ++d) out[d] += by * q_.row(k)[d];
  }
  for (std::size_t d = 0; d < out.size(); ++d) out[d] *= root_[d];
  return out;
}

std::vector<double> InverseHessian::times(std::span<const double> x) const {
  std::vector<double> scaled(x.begin(), x.end());
  for (std::size_t d = 0; d < scaled.size(); ++d) scaled[d] *= root_[d];
  const std::vector<double> inside = dense::product(q_, scaled);
  const std::vector<double> moved = dense::product(lower_, dense::product(dense::transposed(lower_), inside));
  for (Index k = 0; k < q_.rows; ++k) {
    const double by = moved[static_cast<std::size_t>(k)] - inside[static_cast<std::size_t>(k)];
    for (std::size_t d = 0; d < scaled.size(); ++d) scaled[d] += by * q_.row(k)[d];
  }
  for (std::size_t d = 0; d < scaled.size(); ++d) scaled[d] *= root_[d];
  return scaled;
}

double InverseHessian::log_determinant() const {
  double sum = 2 * dense::log_diagonal(lower_);
  for (const double r : root_) sum += 2 * std::log(r);
  return sum;
}

}  // namespace variscope::approximations
