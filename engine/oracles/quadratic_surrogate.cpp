/// The quadratic surrogate by quadrature and, on the Gaussian target, in closed form.
#include "engine/oracles/quadratic_surrogate.hpp"

#include <array>
#include <stdexcept>

#include "engine/oracles/evaluation.hpp"
#include "engine/oracles/quadrature.hpp"
#include "engine/oracles/refine.hpp"

namespace variscope::oracles {
namespace {

double squared(double x) { return x * x; }

EstimatorTruth on_grid(const models::Model& model, const LocationScale& q, double entropy, std::span<const double> surrogate, double step) {
  const std::size_t dim = q.dim;
  const Rule rule = trapezoidal(step, 12.0);
  const std::size_t total = dim == 1 ? rule.size() : rule.size() * rule.size();
  std::vector<double> weight(total, 1.0);
  std::vector<double> noise(total * dim);
  std::vector<double> points(total * dim);
  for (std::size_t k = 0; k < total; ++k) {
    const std::array<std::size_t, 2> at = {k % rule.size(), k / rule.size()};
    for (std::size_t d = 0; d < dim; ++d) {
      weight[k] *= rule.weights[at[d]];
      noise[k * dim + d] = rule.nodes[at[d]];
    }
    q.place(&noise[k * dim], &points[k * dim]);
  }
  const Density density = evaluate(model, points);
  EstimatorTruth result{std::vector<double>(2 * dim, 0.0), std::vector<double>(2 * dim, 0.0), 0.0};
  for (std::size_t d = 0; d < dim; ++d) {
    const auto eps = [&](std::size_t k) { return noise[k * dim + d]; };
    const auto slope = [&](std::size_t k) { return density.prior[k * (1 + dim) + 1 + d] + density.likelihood[k * (1 + dim) + 1 + d]; };
    std::array<double, 2> fit{};
    for (std::size_t k = 0; k < total; ++k) {
      fit[0] += weight[k] * slope(k);
      fit[1] += weight[k] * slope(k) * eps(k);
    }
    const double s = q.at(d, d);
    if (!surrogate.empty()) fit = {surrogate[d], surrogate[dim + d] * s};
    for (std::size_t kind = 0; kind < 2; ++kind) {
      const auto sample = [&](std::size_t k) {
        return (slope(k) - (kind == 0 ? 0.0 : fit[0]) - fit[1] * eps(k)) * (kind == 0 ? 1.0 : s * eps(k));
      };
      double mean = 0;
      for (std::size_t k = 0; k < total; ++k) mean += weight[k] * sample(k);
      for (std::size_t k = 0; k < total; ++k) result.variance[kind * dim + d] += weight[k] * squared(sample(k) - mean);
      result.mean[kind * dim + d] = mean + (kind == 0 ? 0.0 : fit[1] * s + entropy);
    }
  }
  return result;
}

}  // namespace

EstimatorTruth quadratic_surrogate_moments(const models::Model& model, const LocationScale& q, estimators::Objective objective,
                                           std::span<const double> surrogate) {
  if (q.dim < 1 || q.dim > 2 || !q.mean_field) {
    throw std::invalid_argument("quadratic_surrogate_moments: a mean-field q of one or two dimensions");
  }
  if (!surrogate.empty() && surrogate.size() != 2 * q.dim) {
    throw std::invalid_argument("quadratic_surrogate_moments: two coefficients a coordinate are needed");
  }
  const double entropy = objective == estimators::Objective::elbo ? 1.0 : 0.0;
  return refine(
      0.5, q.dim == 1 ? 1.0 / 128 : 1.0 / 32, [&](double step) { return on_grid(model, q, entropy, surrogate, step); },
      [](const EstimatorTruth& t) {
        std::vector<double> all = t.mean;
        all.insert(all.end(), t.variance.begin(), t.variance.end());
        return all;
      });
}

std::vector<double> quadratic_surrogate_variance(const models::Gaussian& target, const LocationScale& q,
                                                 std::span<const double> surrogate) {
  const std::size_t dim = q.dim;
  const std::vector<double>& h = target.precision();
  std::vector<double> variance(2 * dim);
  for (std::size_t d = 0; d < dim; ++d) {
    const double s = q.at(d, d);
    double centre = 0;
    for (std::size_t j = 0; j < dim; ++j) centre -= h[d * dim + j] * (q.mean[j] - target.mean()[j]);
    const double off = surrogate.empty() ? 0.0 : centre - surrogate[d];
    const double curvature = surrogate.empty() ? -h[d * dim + d] : surrogate[dim + d];
    double norm = 0;
    double own = 0;
    for (std::size_t j = 0; j < dim; ++j) {
      const double k = -h[d * dim + j] * q.at(j, j) - (j == d ? curvature * s : 0.0);
      norm += squared(k);
      if (j == d) own = squared(k);
    }
    variance[d] = norm;
    variance[dim + d] = squared(s) * (squared(off) + norm + own);
  }
  return variance;
}

}  // namespace variscope::oracles
