/// Trapezoids over the noise that all components share.
#include "engine/oracles/stratified.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "engine/oracles/evaluation.hpp"
#include "engine/oracles/refine.hpp"

namespace variscope::oracles {

namespace {

using estimators::Objective;

constexpr double kRange = 9;

struct Hills {
  std::size_t dim;
  std::size_t count;
  std::vector<double> weight;
  std::vector<double> mean;  ///< [component x dim]
  std::vector<double> scale;

  Hills(std::size_t given, std::span<const double> lambda) : dim(given), count((lambda.size() + 1) / (1 + 2 * given)) {
    if (count < 1 || lambda.size() != count - 1 + 2 * dim * count)
      throw std::invalid_argument("oracles: a mixture's lambda has components - 1 + 2 dim components entries");
    double total = 0;
    for (std::size_t k = 0; k < count; ++k) {
      weight.push_back(k + 1 < count ? std::exp(lambda[k]) : 1.0);
      total += weight.back();
    }
    for (double& w : weight) w /= total;
    for (std::size_t i = 0; i < dim * count; ++i) {
      mean.push_back(lambda[count - 1 + i]);
      scale.push_back(std::exp(lambda[count - 1 + dim * count + i]));
    }
  }

  /// log q(z), and its gradient.
  double log_density(const double* z, std::vector<double>& slope) const {
    double density = 0;
    std::vector<double> sum(dim, 0.0);
    for (std::size_t k = 0; k < count; ++k) {
      double term = weight[k];
      for (std::size_t d = 0; d < dim; ++d) {
        const double s = scale[k * dim + d];
        const double u = (z[d] - mean[k * dim + d]) / s;
        term *= std::exp(-0.5 * u * u) / (s * std::sqrt(2 * std::numbers::pi));
      }
      density += term;
      for (std::size_t d = 0; d < dim; ++d) sum[d] -= term * (z[d] - mean[k * dim + d]) / (scale[k * dim + d] * scale[k * dim + d]);
    }
    for (std::size_t d = 0; d < dim; ++d) slope[d] = sum[d] / density;
    return std::log(density);
  }
};

struct OneSample {
  std::vector<double> mean;
  std::vector<double> square;
  double error = 0;
};

OneSample moments(const models::Model& model, const Hills& q, Objective objective, double step) {
  const auto half = static_cast<int>(std::ceil(kRange / step));
  const int side = 2 * half + 1;
  const int nodes = q.dim == 1 ? side : side * side;
  std::vector<double> points;
  std::vector<double> noise;
  for (int n = 0; n < nodes; ++n) {
    const int row = n / side;
    const double e[2] = {step * (n - row * side - half), step * (row - half)};
    for (std::size_t d = 0; d < q.dim; ++d) noise.push_back(e[d]);
    for (std::size_t k = 0; k < q.count; ++k) {
      for (std::size_t d = 0; d < q.dim; ++d) points.push_back(q.mean[k * q.dim + d] + q.scale[k * q.dim + d] * e[d]);
    }
  }
  const Density density = evaluate(model, points);
  const std::size_t parameters = q.count - 1 + 2 * q.dim * q.count;
  OneSample one{std::vector<double>(parameters, 0.0), std::vector<double>(parameters, 0.0)};
  std::vector<double> gradient(parameters);
  std::vector<double> slope(q.dim);
  std::vector<double> f(q.count);
  for (int n = 0; n < nodes; ++n) {
    const double* e = noise.data() + static_cast<std::size_t>(n) * q.dim;
    double weight = 1;
    for (std::size_t d = 0; d < q.dim; ++d) weight *= step * std::exp(-0.5 * e[d] * e[d]) / std::sqrt(2 * std::numbers::pi);
    double mean = 0;
    for (std::size_t k = 0; k < q.count; ++k) {
      const std::size_t at = static_cast<std::size_t>(n) * q.count + k;
      const std::size_t row = at * (1 + q.dim);
      f[k] = density.prior[row] + density.likelihood[row];
      std::fill(slope.begin(), slope.end(), 0.0);
      if (objective == Objective::elbo) f[k] -= q.log_density(points.data() + at * q.dim, slope);
      mean += q.weight[k] * f[k];
      for (std::size_t d = 0; d < q.dim; ++d) {
        const double g = q.weight[k] * (density.prior[row + 1 + d] + density.likelihood[row + 1 + d] - slope[d]);
        gradient[q.count - 1 + k * q.dim + d] = g;
        gradient[q.count - 1 + (q.count + k) * q.dim + d] = g * q.scale[k * q.dim + d] * e[d];
      }
    }
    for (std::size_t j = 0; j + 1 < q.count; ++j) gradient[j] = q.weight[j] * (f[j] - mean);
    for (std::size_t p = 0; p < parameters; ++p) {
      one.mean[p] += weight * gradient[p];
      one.square[p] += weight * gradient[p] * gradient[p];
    }
  }
  return one;
}

}  // namespace

std::optional<EstimatorTruth> stratified_truth(const models::Model& model, std::span<const double> lambda, Objective objective,
                                               Index samples) {
  if (model.dim() > 2 || objective == Objective::importance_bound) return std::nullopt;
  const Hills q(static_cast<std::size_t>(model.dim()), lambda);
  const OneSample one = refine(
      0.2, 0.05, [&](double step) { return moments(model, q, objective, step); },
      [](const OneSample& o) {
        std::vector<double> all = o.mean;
        all.insert(all.end(), o.square.begin(), o.square.end());
        return all;
      });
  EstimatorTruth truth;
  truth.mean = one.mean;
  for (std::size_t p = 0; p < one.mean.size(); ++p)
    truth.variance.push_back((one.square[p] - one.mean[p] * one.mean[p]) / static_cast<double>(samples));
  double size = 1;
  for (const double m : one.mean) size = std::max(size, 2 * std::abs(m));
  truth.error = one.error * (1 + size);
  return truth;
}

}  // namespace variscope::oracles
