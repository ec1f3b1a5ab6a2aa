/// Mean and covariance of a shard's draws.
#include "engine/combiners/shard_moments.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Eigenvalues>

#include "engine/error.hpp"

namespace variscope::combiners {

ShardMoments shard_moments(const dense::Matrix& draws) {
  const Index n = draws.rows;
  const Index dim = draws.columns;
  ShardMoments result;
  result.mean.assign(static_cast<std::size_t>(dim), 0.0);
  for (Index i = 0; i < n; ++i) {
    for (Index d = 0; d < dim; ++d) result.mean[static_cast<std::size_t>(d)] += draws(i, d);
  }
  for (double& value : result.mean) value /= static_cast<double>(n);
  dense::Matrix centred = draws;
  for (Index i = 0; i < n; ++i) {
    for (Index d = 0; d < dim; ++d) centred(i, d) -= result.mean[static_cast<std::size_t>(d)];
  }
  result.covariance = dense::product(dense::transposed(centred), centred);
  for (double& value : result.covariance.values) value /= static_cast<double>(n - 1);
  auto lower = dense::cholesky(result.covariance);
  if (!lower)
    throw UserError("combiner: a shard's draws lie in a subspace (their covariance has no inverse). Draw more, or mend the sampler.");
  result.lower = std::move(*lower);
  result.precision = dense::inverse_of_cholesky(result.lower);
  for (double& value : result.precision.values) value *= static_cast<double>(n - dim - 2) / static_cast<double>(n - 1);
  return result;
}

std::vector<ShardMoments> shard_moments(std::span<const dense::Matrix> shards) {
  std::vector<ShardMoments> result;
  for (const dense::Matrix& shard : shards) result.push_back(shard_moments(shard));
  return result;
}

NormalProduct normal_product(std::span<const ShardMoments> shards) {
  const Index dim = shards.front().precision.rows;
  NormalProduct result;
  result.precision = dense::Matrix(dim, dim);
  std::vector<double> pull(static_cast<std::size_t>(dim), 0.0);
  for (const ShardMoments& shard : shards) {
    for (std::size_t k = 0; k < result.precision.values.size(); ++k) result.precision.values[k] += shard.precision.values[k];
    const std::vector<double> own = dense::product(shard.precision, shard.mean);
    for (std::size_t d = 0; d < pull.size(); ++d) pull[d] += own[d];
  }
  const auto lower = dense::cholesky(result.precision);
  if (!lower) throw UserError("combiner: the shards' precisions add up to no positive definite matrix. Draw more.");
  result.covariance = dense::inverse_of_cholesky(*lower);
  dense::solve_lower(*lower, pull);
  dense::solve_lower_transposed(*lower, pull);
  result.mean = std::move(pull);
  return result;
}

Eigensystem symmetric_eigen(const dense::Matrix& a) {
  Eigen::MatrixXd copy(a.rows, a.columns);
  for (Index i = 0; i < a.rows; ++i) {
    for (Index j = 0; j < a.columns; ++j) copy(i, j) = a(i, j);
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(copy);
  Eigensystem result;
  result.vectors = dense::Matrix(a.rows, a.columns);
  for (Index i = 0; i < a.rows; ++i) {
    result.values.push_back(solver.eigenvalues()(i));
    for (Index j = 0; j < a.columns; ++j) result.vectors(i, j) = solver.eigenvectors()(i, j);
  }
  return result;
}

dense::Matrix symmetric_function(const dense::Matrix& a, const std::function<double(double)>& f) {
  const Eigensystem eigen = symmetric_eigen(a);
  dense::Matrix scaled = eigen.vectors;
  for (Index j = 0; j < a.columns; ++j) {
    const double value = f(std::max(0.0, eigen.values[static_cast<std::size_t>(j)]));
    for (Index i = 0; i < a.rows; ++i) scaled(i, j) *= value;
  }
  return dense::product(scaled, dense::transposed(eigen.vectors));
}

dense::Matrix thinned(const dense::Matrix& draws, Index count) {
  if (draws.rows <= count) return draws;
  dense::Matrix result(count, draws.columns);
  for (Index i = 0; i < count; ++i) {
    const double* from = draws.row(i * draws.rows / count);
    std::copy(from, from + draws.columns, result.row(i));
  }
  return result;
}

}  // namespace variscope::combiners
