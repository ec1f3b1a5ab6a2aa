/// Linear regression under a mean-field q: gradients are linear and quadratic in eps with coefficients that rows make.
#include "engine/oracles/snapshot_control.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace variscope::oracles {
namespace {

double squared(double x) { return x * x; }

/// A coefficient's value in every row: mean, population variance, largest square.
struct Coefficient {
  double mean = 0;
  double variance = 0;
  double size = 0;

  template <class Value>
  Coefficient(std::size_t rows, Value&& value) {
    const auto count = static_cast<double>(rows);
    for (std::size_t n = 0; n < rows; ++n) {
      mean += value(n) / count;
      size = std::max(size, squared(value(n)));
    }
    for (std::size_t n = 0; n < rows; ++n) variance += squared(value(n) - mean) / count;
  }
};

/// Rows as terms of the whole gradient: each the prior and N times its likelihood.
struct Rows {
  const LinearProblem& problem;
  std::size_t rows;
  std::size_t dim;
  double weight;     ///< N / noise_sd^2
  double precision;  ///< 1 / prior_sd^2

  explicit Rows(const LinearProblem& given)
      : problem(given),
        rows(static_cast<std::size_t>(given.rows)),
        dim(static_cast<std::size_t>(given.dim)),
        weight(static_cast<double>(given.rows) / squared(given.noise_sd)),
        precision(1.0 / squared(given.prior_sd)) {
    if (rows == 0 || dim == 0 || given.features.size() != rows * dim || given.response.size() != rows) {
      throw std::invalid_argument("oracles: rows x dim features and one response a row are needed");
    }
  }
  [[nodiscard]] double x(std::size_t n, std::size_t i) const { return problem.features[n * dim + i]; }
  /// -(d^2 / dz_i dz_j) of row n's term.
  [[nodiscard]] double curvature(std::size_t n, std::size_t i, std::size_t j) const {
    return weight * x(n, i) * x(n, j) + (i == j ? precision : 0.0);
  }
  [[nodiscard]] double likelihood_slope(std::size_t n, std::size_t i, std::span<const double> z) const {
    double residual = problem.response[n];
    for (std::size_t j = 0; j < dim; ++j) residual -= x(n, j) * z[j];
    return weight * x(n, i) * residual;
  }
  [[nodiscard]] double slope(std::size_t n, std::size_t i, std::span<const double> z) const {
    return (problem.prior_mean - z[i]) * precision + likelihood_slope(n, i, z);
  }
};

}  // namespace

NoiseComponents linear_components(const std::string& estimator, const LinearProblem& problem, std::span<const double> lambda,
                                  std::span<const double> snapshot) {
  const bool joint = estimator == "joint_cv";
  const bool stored = estimator == "saga";
  const bool controlled = joint || stored || estimator == "svrg";
  if (!controlled && estimator != "pw_cfe") throw std::invalid_argument("linear_components: knows pw_cfe, svrg, saga and joint_cv");
  const Rows at(problem);
  const std::size_t dim = at.dim;
  if (lambda.size() != 2 * dim || snapshot.size() != (stored ? at.rows * dim : 2 * dim))
    throw std::invalid_argument("oracles: 2 dim parameters are needed, and for saga rows x dim of the past");
  const std::span<const double> mean = lambda.first(dim);
  const std::span<const double> old_mean = snapshot.first(dim);
  std::vector<double> scale;
  std::vector<double> old_scale;  // of the control; 0 where it has no such part
  for (std::size_t i = 0; i < dim; ++i) {
    scale.push_back(std::exp(lambda[dim + i]));
    old_scale.push_back(joint ? std::exp(snapshot[dim + i]) : 0.0);
  }
  // Of row n's control: the whole term at the snapshot; at the row's own past its likelihood alone, so that the prior does not cancel.
  const auto control = [&](std::size_t n, std::size_t i) {
    return stored ? at.likelihood_slope(n, i, snapshot.subspan(n * dim, dim)) : at.slope(n, i, old_mean);
  };

  NoiseComponents result;
  for (auto* part : {&result.gradient, &result.monte_carlo, &result.data, &result.interaction}) part->assign(2 * dim, 0.0);
  double largest = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    const Coefficient constant(at.rows, [&](std::size_t n) {
      if (!controlled) return at.slope(n, i, mean);
      if (stored) return at.slope(n, i, mean) - control(n, i);
      double sum = 0;
      for (std::size_t j = 0; j < dim; ++j) sum -= at.curvature(n, i, j) * (mean[j] - old_mean[j]);
      return sum;
    });
    const Coefficient along(at.rows, [&](std::size_t n) { return scale[i] * at.slope(n, i, mean) - old_scale[i] * control(n, i); });
    const double known = controlled ? Coefficient(at.rows, [&](std::size_t n) { return control(n, i); }).mean : 0.0;
    result.gradient[i] = constant.mean + known;
    result.data[i] = constant.variance;
    result.monte_carlo[dim + i] = squared(along.mean);
    result.interaction[dim + i] = along.variance;
    largest = std::max({largest, constant.size, along.size, std::abs(known)});
    for (std::size_t j = 0; j < dim; ++j) {
      const Coefficient h(at.rows, [&](std::size_t n) { return at.curvature(n, i, j); });
      const double linear = scale[j] - old_scale[j];
      const double quadratic = scale[i] * scale[j] - old_scale[i] * old_scale[j];
      const double twice = i == j ? 2.0 : 1.0;  // Var eps^2 = 2, Var(eps eps') = 1
      result.monte_carlo[i] += squared(h.mean * linear);
      result.interaction[i] += h.variance * squared(linear);
      result.monte_carlo[dim + i] += twice * squared(h.mean * quadratic);
      result.interaction[dim + i] += twice * h.variance * squared(quadratic);
      largest = std::max(largest, h.size * (1.0 + squared(scale[i] * scale[j]) + squared(scale[j])));
      if (i != j) continue;
      result.gradient[dim + i] = 1.0 - h.mean * squared(scale[i]);
      result.data[dim + i] = h.variance * squared(quadratic);
    }
  }
  result.error = static_cast<double>(dim + 10) * 20.0 * std::numeric_limits<double>::epsilon() * largest;
  return result;
}

}  // namespace variscope::oracles
