/// Stein variational gradient descent.
#include "engine/approximations/svgd.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/simd/math.hpp"

namespace variscope::approximations {

namespace {

/// Squared distances of particles [range) from all: |x|^2 + |y|^2 - 2 x'y, never negative and 0 on the diagonal. The same bits both ways.
dense::Matrix squared_distances(const dense::Matrix& x, Range range) {
  dense::Matrix some(range.size(), x.columns);
  std::copy(x.row(range.first), x.row(range.last), some.values.begin());
  dense::Matrix result = dense::product(some, dense::transposed(x));
  std::vector<double> norm;
  for (Index i = 0; i < x.rows; ++i) {
    // The bits of the product, so that a particle's distance from its own copy is exactly 0.
    const std::span<const double> row(x.row(i), static_cast<std::size_t>(x.columns));
    norm.push_back(dense::dot(row, row));
  }
  for (Index i = 0; i < range.size(); ++i) {
    const double own = norm[static_cast<std::size_t>(range.first + i)];
    for (Index j = 0; j < x.rows; ++j) result(i, j) = std::max(0.0, own + norm[static_cast<std::size_t>(j)] - 2 * result(i, j));
  }
  return result;
}

/// Every value v becomes exp(-v / h), v >= 0; no lane looks at another.
void to_kernel(std::vector<double>& values, double h) {
  const std::size_t whole = values.size() / simd::kWidth * simd::kWidth;
  for (std::size_t k = 0; k < whole; k += simd::kWidth) {
    simd::store(values.data() + k, simd::exp_nonpositive(simd::load(values.data() + k) / -h));
  }
  double rest[simd::kWidth] = {};
  std::copy(values.begin() + static_cast<std::ptrdiff_t>(whole), values.end(), rest);
  simd::store(rest, simd::exp_nonpositive(simd::load(rest) / -h));
  std::copy_n(rest, values.size() - whole, values.begin() + static_cast<std::ptrdiff_t>(whole));
}

}  // namespace

double median_bandwidth(const dense::Matrix& x) {
  if (x.rows < 2) return 1;
  const dense::Matrix squares = squared_distances(x, {0, x.rows});
  std::vector<double> distances;
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < i; ++j) distances.push_back(std::sqrt(squares(i, j)));
  }
  const auto half = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), half, distances.end());
  double median = *half;
  if (distances.size() % 2 == 0) median = 0.5 * (median + *std::max_element(distances.begin(), half));
  const double h = median * median / std::log(static_cast<double>(x.rows));
  return h > 0 ? h : 1;
}

void svgd_direction(const dense::Matrix& x, const dense::Matrix& gradient, double h, Range particles, dense::Matrix& direction) {
  dense::Matrix kernel = squared_distances(x, particles);
  to_kernel(kernel.values, h);
  direction = dense::product(kernel, gradient);
  const dense::Matrix pulled = dense::product(kernel, x);
  const auto count = static_cast<double>(x.rows);
  for (Index i = 0; i < particles.size(); ++i) {
    double weight = 0;
    for (Index j = 0; j < x.rows; ++j) weight += kernel(i, j);
    for (Index d = 0; d < x.columns; ++d) {
      // grad_{x_j} k = 2 / h (x_i - x_j) k.
      direction(i, d) = (direction(i, d) + 2 / h * (x(particles.first + i, d) * weight - pulled(i, d))) / count;
    }
  }
}

}  // namespace variscope::approximations
