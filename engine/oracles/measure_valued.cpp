/// Measure-valued derivatives: Rayleigh or Maxwell times uniform along one coordinate, the trapezoidal rule along the other.
#include "engine/oracles/measure_valued.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "engine/oracles/evaluation.hpp"
#include "engine/oracles/quadrature.hpp"
#include "engine/oracles/refine.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;
using models::Model;

double squared(double x) { return x * x; }

/// Gathers pairs of points along coordinate d and sums the moments of what is made of their values.
class Pairs {
 public:
  Pairs(const Model& model, const LocationScale& q, std::size_t d, double entropy) : model_(model), q_(q), d_(d), entropy_(entropy) {}

  /// Base noise `positive` and `negative` along d, `other` along the second coordinate.
  void add(double weight, double positive, double negative, double other) {
    weights_.push_back(weight);
    // -log q along d, as far as the two differ.
    offsets_.push_back(entropy_ * 0.5 * (squared(positive) - squared(negative)));
    for (const double along : {positive, negative}) {
      for (std::size_t j = 0; j < q_.dim; ++j) points_.push_back(q_.mean[j] + q_.at(j, j) * (j == d_ ? along : other));
    }
    if (weights_.size() == kChunk) flush();
  }
  void flush() {
    if (weights_.empty()) return;
    const std::vector<double> values = evaluate_values(model_, points_);
    for (std::size_t k = 0; k < weights_.size(); ++k) {
      const double difference = values[2 * k] - values[2 * k + 1] + offsets_[k];
      first_ += weights_[k] * difference;
      second_ += weights_[k] * difference * difference;
    }
    weights_.clear();
    offsets_.clear();
    points_.clear();
  }
  [[nodiscard]] double first() const { return first_; }
  [[nodiscard]] double second() const { return second_; }

 private:
  static constexpr std::size_t kChunk = 65536;
  const Model& model_;
  const LocationScale& q_;
  std::size_t d_;
  double entropy_;
  std::vector<double> weights_;
  std::vector<double> offsets_;
  std::vector<double> points_;
  double first_ = 0;
  double second_ = 0;
};

struct Sums {
  std::vector<double> mean;
  std::vector<double> second;
  double error = 0;
};

Sums on_grid(const Model& model, const LocationScale& q, double entropy, double exact, double step) {
  const Rule one{{0.0}, {1.0}};
  const Rule others = q.dim == 1 ? one : trapezoidal(step);
  const Rule distance = rayleigh(4.0 * step);
  const Rule maxwell = two_sided_maxwell(step);
  const Rule share = uniform(static_cast<Index>(std::ceil(0.5 / step)));
  Sums sums{std::vector<double>(2 * q.dim), std::vector<double>(2 * q.dim), 0.0};
  for (std::size_t d = 0; d < q.dim; ++d) {
    Pairs location(model, q, d, entropy);
    Pairs scale(model, q, d, entropy);
    for (std::size_t j = 0; j < others.size(); ++j) {
      for (std::size_t i = 0; i < distance.size(); ++i) {
        location.add(others.weights[j] * distance.weights[i], distance.nodes[i], -distance.nodes[i], others.nodes[j]);
      }
      for (std::size_t i = 0; i < maxwell.size(); ++i) {
        const double weight = others.weights[j] * maxwell.weights[i];
        if (weight < 1e-40) continue;  // nothing of polynomial growth is left of it
        for (std::size_t u = 0; u < share.size(); ++u) {
          scale.add(weight * share.weights[u], maxwell.nodes[i], maxwell.nodes[i] * share.nodes[u], others.nodes[j]);
        }
      }
    }
    location.flush();
    scale.flush();
    const double constant = 1.0 / (q.at(d, d) * std::sqrt(2.0 * std::numbers::pi));
    sums.mean[d] = constant * location.first();
    sums.second[d] = squared(constant) * location.second();
    sums.mean[q.dim + d] = scale.first() + exact;
    sums.second[q.dim + d] = scale.second();
  }
  // Variances from here on; the second moments stay in the error by the size they had.
  for (std::size_t p = 0; p < 2 * q.dim; ++p) {
    const double centre = sums.mean[p] - (p < q.dim ? 0.0 : exact);
    sums.second.push_back(sums.second[p]);
    sums.second[p] -= squared(centre);
  }
  return sums;
}

}  // namespace

MeasureValuedMoments measure_valued_moments(const Model& model, const LocationScale& q, Objective objective, Entropy entropy) {
  if (q.dim < 1 || q.dim > 2 || !q.mean_field) {
    throw std::invalid_argument("measure_valued_moments: a mean-field q of one or two dimensions");
  }
  const bool elbo = objective == Objective::elbo;
  const double sampled = elbo && entropy != Entropy::exact ? 1.0 : 0.0;
  const double exact = elbo && entropy == Entropy::exact ? 1.0 : 0.0;
  const double finest = q.dim == 1 ? 1.0 / 32 : 1.0 / 8;
  const Sums sums = refine(
      0.5, finest, [&](double step) { return on_grid(model, q, sampled, exact, step); },
      [](const Sums& s) {
        std::vector<double> all = s.mean;
        all.insert(all.end(), s.second.begin(), s.second.end());
        return all;
      });
  const auto size = static_cast<std::ptrdiff_t>(2 * q.dim);
  return {sums.mean, {sums.second.begin(), sums.second.begin() + size}, sums.error};
}

std::vector<double> measure_valued_variance(const models::Gaussian& target, const LocationScale& q, Objective objective, Entropy entropy) {
  std::vector<double> variance(2 * q.dim);
  const std::vector<double>& h = target.precision();
  for (std::size_t d = 0; d < q.dim; ++d) {
    double slope = 0;
    double others = 0;
    for (std::size_t j = 0; j < q.dim; ++j) {
      slope += h[d * q.dim + j] * (q.mean[j] - target.mean()[j]);
      if (j != d) others += squared(h[d * q.dim + j] * q.at(j, j));
    }
    const double square = squared(q.at(d, d));
    const double curvature = (objective == Objective::elbo && entropy != Entropy::exact ? 1.0 : 0.0) - square * h[d * q.dim + d];
    // E W^2 = 2, (E W)^2 = pi / 2; E[X^2 (1-U)^2] = 1, Var[X^2 (1-U^2)] = 4, and the two are uncorrelated.
    variance[d] = 4.0 / std::numbers::pi * (squared(slope) + others) - squared(slope);
    variance[q.dim + d] = square * (squared(slope) + others) + squared(curvature);
  }
  return variance;
}

}  // namespace variscope::oracles
