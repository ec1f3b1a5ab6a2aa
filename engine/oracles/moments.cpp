/// Moments of one sample of every estimator, by the trapezoidal rule in one or two dimensions.
#include "engine/oracles/moments.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include "engine/oracles/quadrature.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;
using models::Model;

/// q and the grid it is looked at on: node k of the tensor grid is (k / n, k % n) in two dimensions, so that node N - 1 - k is its mirror
/// image.
struct Grid {
  Index dim;
  std::vector<double> mean;
  std::vector<double> scale;
  Rule rule;

  [[nodiscard]] std::size_t size() const { return dim == 1 ? rule.size() : rule.size() * rule.size(); }
  [[nodiscard]] std::size_t along(std::size_t node, std::size_t d) const {
    if (dim == 1) return node;
    return d == 0 ? node / rule.size() : node % rule.size();
  }
  [[nodiscard]] double noise(std::size_t node, std::size_t d) const { return rule.nodes[along(node, d)]; }
  [[nodiscard]] double weight(std::size_t node) const {
    double w = 1;
    for (std::size_t d = 0; d < static_cast<std::size_t>(dim); ++d) w *= rule.weights[along(node, d)];
    return w;
  }
};

/// l and its gradient on every node: entry [node * (1 + dim) + row]. The likelihood's share apart, if there is data.
struct Density {
  std::vector<double> prior;
  std::vector<double> likelihood;
};

Density evaluate(const Model& model, const Grid& grid) {
  constexpr std::size_t kChunk = 512;
  const auto dim = static_cast<std::size_t>(grid.dim);
  const std::size_t total = grid.size();
  Density density;
  density.prior.resize(total * (1 + dim));
  density.likelihood.resize(total * (1 + dim), 0.0);
  tiles::Batch theta;
  tiles::Batch out;
  for (std::size_t first = 0; first < total; first += kChunk) {
    const std::size_t count = std::min(kChunk, total - first);
    theta.resize(grid.dim, static_cast<Index>(count));
    theta.set_zero();
    for (std::size_t k = 0; k < count; ++k) {
      for (std::size_t d = 0; d < dim; ++d) {
        theta(static_cast<Index>(d), static_cast<Index>(k)) = grid.mean[d] + grid.scale[d] * grid.noise(first + k, d);
      }
    }
    const auto keep = [&](std::vector<double>& to) {
      for (std::size_t k = 0; k < count; ++k) {
        for (std::size_t row = 0; row <= dim; ++row)
          to[(first + k) * (1 + dim) + row] = out(static_cast<Index>(row), static_cast<Index>(k));
      }
    };
    out.resize(grid.dim + 1, static_cast<Index>(count));
    out.set_zero();
    models::Evaluation evaluation{{}, out.view(), {}};
    model.log_prior(theta.view(), evaluation);
    keep(density.prior);
    if (model.rows() == 0) continue;
    out.set_zero();
    model.log_likelihood({{0, model.rows()}, nullptr, 0}, theta.view(), evaluation);
    keep(density.likelihood);
  }
  return density;
}

/// Mean and variance of values[node], in two passes so that nothing cancels.
struct Spread {
  double mean = 0;
  double variance = 0;
};

template <class F>
Spread spread(const std::vector<double>& weights, F&& value) {
  Spread result;
  for (std::size_t k = 0; k < weights.size(); ++k) result.mean += weights[k] * value(k);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double deviation = value(k) - result.mean;
    result.variance += weights[k] * deviation * deviation;
  }
  return result;
}

OneSampleMoments on_grid(const Model& model, const Grid& grid, Objective objective) {
  const auto dim = static_cast<std::size_t>(grid.dim);
  const Density density = evaluate(model, grid);
  const std::size_t total = grid.size();
  const double entropy = objective == Objective::elbo ? 1.0 : 0.0;
  std::vector<double> weights(total);
  std::vector<double> f(total);
  for (std::size_t k = 0; k < total; ++k) {
    weights[k] = grid.weight(k);
    double log_q = -0.5 * static_cast<double>(dim) * std::log(2.0 * std::numbers::pi);
    for (std::size_t d = 0; d < dim; ++d) log_q -= std::log(grid.scale[d]) + 0.5 * grid.noise(k, d) * grid.noise(k, d);
    f[k] = density.prior[k * (1 + dim)] + density.likelihood[k * (1 + dim)] - entropy * log_q;
  }
  OneSampleMoments result;
  const Spread objective_spread = spread(weights, [&](std::size_t k) { return f[k]; });
  result.value = objective_spread.mean;
  result.value_variance = objective_spread.variance;
  const models::GaussianPrior* prior = model.gaussian_prior();
  for (std::size_t p = 0; p < 2 * dim; ++p) {
    const std::size_t d = p % dim;
    const bool location = p < dim;
    const double s = grid.scale[d];
    const auto score = [&](std::size_t k) {
      const double eps = grid.noise(k, d);
      return location ? eps / s : eps * eps - 1.0;
    };
    const auto through = [&](std::size_t k) { return location ? 1.0 : s * grid.noise(k, d); };  // dz / dlambda
    const auto slope = [&](std::size_t k) { return density.prior[k * (1 + dim) + 1 + d] + density.likelihood[k * (1 + dim) + 1 + d]; };
    const auto path = [&](std::size_t k) { return slope(k) * through(k) + (location ? 0.0 : entropy); };
    const Spread raw = spread(weights, [&](std::size_t k) { return f[k] * score(k); });
    result.gradient.push_back(raw.mean);
    result.score_variance.push_back(raw.variance);
    result.centred_variance.push_back(spread(weights, [&](std::size_t k) { return (f[k] - result.value) * score(k); }).variance);
    result.value_score2.push_back(spread(weights, [&](std::size_t k) { return f[k] * score(k) * score(k); }).mean);
    result.score2.push_back(location ? 1.0 / (s * s) : 2.0);
    const Spread pathwise = spread(weights, path);
    result.path_mean.push_back(pathwise.mean);
    result.path_variance.push_back(pathwise.variance);
    result.even_variance.push_back(spread(weights, [&](std::size_t k) { return 0.5 * path(k) + 0.5 * path(total - 1 - k); }).variance);
    const Spread landing = spread(weights, [&](std::size_t k) { return (slope(k) + entropy * grid.noise(k, d) / s) * through(k); });
    result.landing_mean.push_back(landing.mean);
    result.landing_variance.push_back(landing.variance);
    if (prior == nullptr) continue;
    const Spread likelihood = spread(weights, [&](std::size_t k) { return density.likelihood[k * (1 + dim) + 1 + d] * through(k); });
    const double precision = 1.0 / (prior->sd[d] * prior->sd[d]);
    const double exact = location ? -(grid.mean[d] - prior->mean[d]) * precision : entropy - s * s * precision;
    result.likelihood_mean.push_back(likelihood.mean + exact);
    result.likelihood_variance.push_back(likelihood.variance);
  }
  return result;
}

std::vector<double> flat(const OneSampleMoments& m) {
  std::vector<double> all = {m.value, m.value_variance};
  for (const auto* part : {&m.gradient, &m.score_variance, &m.centred_variance, &m.value_score2, &m.path_mean, &m.path_variance,
                           &m.even_variance, &m.landing_mean, &m.landing_variance, &m.likelihood_mean, &m.likelihood_variance}) {
    all.insert(all.end(), part->begin(), part->end());
  }
  return all;
}

}  // namespace

OneSampleMoments one_sample_moments(const Model& model, std::span<const double> lambda, Objective objective) {
  const Index dim = model.dim();
  if (dim < 1 || dim > 2) throw std::invalid_argument("one_sample_moments: quadrature serves one or two dimensions");
  if (static_cast<Index>(lambda.size()) != 2 * dim) throw std::invalid_argument("one_sample_moments: lambda must have 2 dim entries");
  Grid grid{dim, {}, {}, {}};
  for (std::size_t d = 0; d < static_cast<std::size_t>(dim); ++d) {
    grid.mean.push_back(lambda[d]);
    grid.scale.push_back(std::exp(lambda[static_cast<std::size_t>(dim) + d]));
  }
  const double finest = dim == 1 ? 1.0 / 128 : 1.0 / 16;  // 3585 nodes, 449^2 nodes
  OneSampleMoments coarse;
  for (double step = 0.5;; step *= 0.5) {
    grid.rule = trapezoidal(step);
    OneSampleMoments fine = on_grid(model, grid, objective);
    if (step < 0.5) {
      const std::vector<double> a = flat(coarse);
      const std::vector<double> b = flat(fine);
      double difference = 0;
      double size = 0;
      for (std::size_t i = 0; i < b.size(); ++i) {
        const double gap = std::abs(a[i] - b[i]);
        difference = std::isfinite(gap) ? std::max(difference, gap) : std::numeric_limits<double>::infinity();
        size = std::max(size, std::abs(b[i]));
      }
      // Rounding: hundreds of terms of either sign, a few dozen epsilon of the largest entry in practice.
      fine.error = difference + 500.0 * std::numeric_limits<double>::epsilon() * size;
      if (difference <= 1e-12 * size || step <= finest) return fine;
    }
    coarse = std::move(fine);
  }
}

}  // namespace variscope::oracles
