/// Laplace's approximation.
#include "engine/approximations/laplace.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

namespace variscope::approximations {

namespace {
constexpr double kDecrement = 1e-4;  ///< the mean is then within a hundredth of a posterior sd
}  // namespace

dense::Matrix negative_hessian(const Density& density, std::span<const double> theta) {
  const Index dim = density.dim;
  const Index columns = density.has_hessian_vector ? dim : 2 * dim;
  models::Wanted wanted{false, true};
  if (density.has_hessian_vector) wanted = {false, false, true};
  tiles::Batch points(dim, columns);
  tiles::Batch direction(dim, columns);
  std::vector<double> step(static_cast<std::size_t>(dim), 0.0);
  for (Index d = 0; d < dim; ++d) {
    const double x = theta[static_cast<std::size_t>(d)];
    for (Index c = 0; c < columns; ++c) points(d, c) = x;
    if (density.has_hessian_vector) {
      direction(d, d) = 1;
    } else {
      const double h = std::cbrt(std::numeric_limits<double>::epsilon()) * std::max(1.0, std::abs(x));
      points(d, 2 * d) = x + h;
      points(d, 2 * d + 1) = x - h;
      step[static_cast<std::size_t>(d)] = points(d, 2 * d) - points(d, 2 * d + 1);  // as it came out rounded
    }
  }
  tiles::Batch out(wanted.rows(dim), columns);
  density.evaluate(points.view(), wanted, direction.view(), out.view());
  dense::Matrix raw(dim, dim);
  for (Index i = 0; i < dim; ++i) {
    for (Index d = 0; d < dim; ++d) {
      raw(i, d) = density.has_hessian_vector ? -out(wanted.hessian_row(dim) + i, d)
                                             : -(out(1 + i, 2 * d) - out(1 + i, 2 * d + 1)) / step[static_cast<std::size_t>(d)];
    }
  }
  dense::Matrix result(dim, dim);
  for (Index i = 0; i < dim; ++i) {
    for (Index j = 0; j < dim; ++j) result(i, j) = 0.5 * (raw(i, j) + raw(j, i));
  }
  return result;
}

Laplace laplace(const Density& density, std::vector<double> start, int most) {
  Laplace result;
  result.mode = optimizers::maximise(objective_of(density), std::move(start), most);
  if (!std::isfinite(result.mode.value)) {
    result.trouble = "the log density is not finite at the point that the search ended at";
    return result;
  }
  result.precision = negative_hessian(density, result.mode.lambda);
  const auto lower = dense::cholesky(result.precision);
  if (!lower) {
    result.trouble = "the Hessian is not negative definite there: no maximum, or a direction without curvature";
    return result;
  }
  // Newton's decrement: twice the height that the quadratic at hand still has above this point.
  std::vector<double> slope(result.mode.lambda.size());
  value_and_gradient(density, result.mode.lambda, slope);
  dense::solve_lower(*lower, slope);
  if (!(dense::dot(slope, slope) < kDecrement)) {
    result.trouble = "the search ended before the maximum (" + result.mode.status + ")";
    return result;
  }
  result.covariance = dense::inverse_of_cholesky(*lower);
  result.log_evidence =
      result.mode.value + 0.5 * static_cast<double>(density.dim) * std::log(2 * std::numbers::pi) - dense::log_diagonal(*lower);
  return result;
}

std::vector<double> Laplace::full_rank_lambda() const { return approximations::full_rank_lambda(mode.lambda, covariance); }

std::vector<double> full_rank_lambda(std::span<const double> mean, const dense::Matrix& covariance) {
  const auto lower = dense::cholesky(covariance);
  if (!lower) throw std::invalid_argument("full_rank_lambda: the covariance is not positive definite");
  std::vector<double> lambda(mean.begin(), mean.end());
  for (Index i = 0; i < covariance.rows; ++i) lambda.push_back(std::log((*lower)(i, i)));
  for (Index i = 0; i < covariance.rows; ++i) {
    for (Index j = 0; j < i; ++j) lambda.push_back((*lower)(i, j));
  }
  return lambda;
}

}  // namespace variscope::approximations
