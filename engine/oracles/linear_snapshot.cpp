/// Gradients linear and quadratic in the noise, with matrices of coefficients that rows make.
#include "engine/oracles/linear_snapshot.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

#include "engine/oracles/factored.hpp"

namespace variscope::oracles {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Mean over rows and population variance of coefficient `column`; a row of `values` is a data row.
double mean_of(const MatrixXd& values, Index column) { return values.col(column).mean(); }
double variance_of(const MatrixXd& values, Index column) {
  return (values.col(column).array() - values.col(column).mean()).square().mean();
}

}  // namespace

NoiseComponents linear_components_under(const std::string& estimator, const LinearProblem& problem, const std::string& family,
                                        std::span<const double> lambda, std::span<const double> snapshot) {
  const bool joint = estimator == "joint_cv";
  if (!joint && estimator != "pw_cfe") throw std::invalid_argument("linear_components_under: knows pw_cfe and joint_cv");
  const Factored q = factored(family, problem.dim, lambda);
  Factored old = factored(family, problem.dim, snapshot);
  if (old.parameters() != q.parameters()) throw std::invalid_argument("oracles: lambda and snapshot are of one length");
  if (!joint) {
    old.factor.setZero();
    for (auto& entry : old.entries) entry.chain = 0;
  }
  const auto rows = static_cast<Index>(problem.response.size());
  if (rows == 0 || static_cast<Index>(problem.features.size()) != rows * problem.dim)
    throw std::invalid_argument("oracles: rows x dim features and one response a row are needed");
  const double weight = static_cast<double>(rows) / (problem.noise_sd * problem.noise_sd);
  const double precision = 1.0 / (problem.prior_sd * problem.prior_sd);
  const Index dim = problem.dim;
  const Index noises = q.factor.cols();
  MatrixXd x(rows, dim);
  for (Index n = 0; n < rows; ++n) {
    for (Index i = 0; i < dim; ++i) x(n, i) = problem.features[static_cast<std::size_t>(n * dim + i)];
  }
  const Eigen::Map<const VectorXd> y(problem.response.data(), rows);
  /// Row n's g_n(z), in row n.
  const auto slopes = [&](const VectorXd& z) {
    const VectorXd residual = weight * (y - x * z);
    MatrixXd g = x.array().colwise() * residual.array();
    g.rowwise() += (precision * (VectorXd::Constant(dim, problem.prior_mean) - z)).transpose();
    return g;
  };
  /// (H_n f)_ic of every row n, in row n.
  const auto curvature_times = [&](const MatrixXd& f, Index i) {
    const MatrixXd along = x * f;
    MatrixXd product = weight * (along.array().colwise() * x.col(i).array()).matrix();
    product.rowwise() += precision * f.row(i);
    return product;
  };
  const MatrixXd here = slopes(q.mean);
  const MatrixXd there = slopes(old.mean);
  const MatrixXd by_entropy = q.entropy_slope();
  NoiseComponents result;
  for (auto* part : {&result.gradient, &result.monte_carlo, &result.data, &result.interaction}) part->assign(q.parameters(), 0.0);
  double largest = 0;
  for (Index i = 0; i < dim; ++i) {
    const auto p = static_cast<std::size_t>(i);
    const MatrixXd constant = joint ? MatrixXd(here - there) : here;
    const MatrixXd v = curvature_times(q.factor - old.factor, i);
    result.gradient[p] = mean_of(here, i);
    result.data[p] = variance_of(constant, i);
    for (Index c = 0; c < noises; ++c) {
      result.monte_carlo[p] += mean_of(v, c) * mean_of(v, c);
      result.interaction[p] += variance_of(v, c);
    }
    largest = std::max({largest, here.array().square().maxCoeff(), there.array().square().maxCoeff(), v.array().square().maxCoeff()});
  }
  for (std::size_t e = 0; e < q.entries.size(); ++e) {
    const std::size_t p = static_cast<std::size_t>(dim) + e;
    const auto i = static_cast<Index>(q.entries[e].row);
    const auto column = static_cast<Index>(q.entries[e].column);
    const double rate = q.entries[e].chain;
    const double old_rate = old.entries[e].chain;
    const MatrixXd u = rate * here.col(i) - old_rate * there.col(i);
    const MatrixXd plain = rate * curvature_times(q.factor, i);
    const MatrixXd bent = plain - old_rate * curvature_times(old.factor, i);
    result.gradient[p] = rate * by_entropy(i, column) - mean_of(plain, column);
    result.data[p] = variance_of(bent, column);
    result.monte_carlo[p] = mean_of(u, 0) * mean_of(u, 0);
    result.interaction[p] = variance_of(u, 0);
    for (Index k = 0; k < noises; ++k) {
      const double twice = k == column ? 2.0 : 1.0;  // Var n^2 = 2, Var(n n') = 1
      result.monte_carlo[p] += twice * mean_of(bent, k) * mean_of(bent, k);
      result.interaction[p] += twice * variance_of(bent, k);
    }
    largest = std::max({largest, u.array().square().maxCoeff(), plain.array().square().maxCoeff()});
  }
  result.error = static_cast<double>(dim + 10) * 20.0 * std::numeric_limits<double>::epsilon() * (1 + largest);
  return result;
}

}  // namespace variscope::oracles
