/// Moments of one sample of every estimator, by the trapezoidal rule in one or two dimensions.
#include "engine/oracles/moments.hpp"

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

/// The grid of base noise: node k of the tensor grid is (k / n, k % n) in two dimensions, so that node N - 1 - k is its mirror image.
struct Grid {
  std::size_t dim;
  Rule rule;

  [[nodiscard]] std::size_t size() const { return dim == 1 ? rule.size() : rule.size() * rule.size(); }
  [[nodiscard]] std::size_t along(std::size_t node, std::size_t d) const {
    if (dim == 1) return node;
    return d == 0 ? node / rule.size() : node % rule.size();
  }
  [[nodiscard]] double noise(std::size_t node, std::size_t d) const { return rule.nodes[along(node, d)]; }
  [[nodiscard]] double weight(std::size_t node) const {
    double w = 1;
    for (std::size_t d = 0; d < dim; ++d) w *= rule.weights[along(node, d)];
    return w;
  }
};

/// The target and q on every node.
struct Scene {
  const LocationScale& q;
  std::size_t total = 0;
  std::vector<double> weight;
  std::vector<double> noise;    ///< eps, dim a node
  std::vector<double> back;     ///< L^-T eps = -d log q / dz, dim a node
  std::vector<double> points;   ///< z, dim a node
  Density density;              ///< 1 + dim a node
  std::vector<double> curving;  ///< Hessian of l, dim x dim a node, column by column; empty without Hessians
  std::vector<double> at_mean;  ///< grad l(m)
  std::vector<double> hessian;  ///< of l at m, dim x dim; empty without

  Scene(const Model& model, const LocationScale& family, const Grid& grid)
      : q(family), total(grid.size()), weight(total), noise(total * q.dim), back(total * q.dim), points(total * q.dim) {
    for (std::size_t k = 0; k < total; ++k) {
      weight[k] = grid.weight(k);
      for (std::size_t d = 0; d < q.dim; ++d) noise[k * q.dim + d] = grid.noise(k, d);
      for (std::size_t d = 0; d < q.dim; ++d) {
        for (std::size_t j = d; j < q.dim; ++j) back[k * q.dim + d] += q.back(d, j) * noise[k * q.dim + j];
      }
      q.place(&noise[k * q.dim], &points[k * q.dim]);
    }
    density = evaluate(model, points);
    const Density centre = evaluate(model, q.mean);
    for (std::size_t d = 0; d < q.dim; ++d) at_mean.push_back(centre.prior[1 + d] + centre.likelihood[1 + d]);
    if (!model.has_hessian_vector()) return;
    curving.resize(points.size() * q.dim);
    hessian.resize(q.dim * q.dim);
    for (std::size_t d = 0; d < q.dim; ++d) {
      std::vector<double> direction(q.dim, 0.0);
      direction[d] = 1;
      const std::vector<double> product = evaluate_hessian(model, points, direction);
      for (std::size_t k = 0; k < total; ++k) {
        for (std::size_t i = 0; i < q.dim; ++i) curving[(k * q.dim + d) * q.dim + i] = product[k * q.dim + i];
      }
      const std::vector<double> column = evaluate_hessian(model, q.mean, direction);
      for (std::size_t i = 0; i < q.dim; ++i) hessian[i * q.dim + d] = column[i];
    }
  }

  [[nodiscard]] double value(std::size_t k) const { return density.prior[k * (1 + q.dim)] + density.likelihood[k * (1 + q.dim)]; }
  [[nodiscard]] double prior_slope(std::size_t k, std::size_t d) const { return density.prior[k * (1 + q.dim) + 1 + d]; }
  [[nodiscard]] double likelihood_slope(std::size_t k, std::size_t d) const { return density.likelihood[k * (1 + q.dim) + 1 + d]; }
  [[nodiscard]] double slope(std::size_t k, std::size_t d) const { return prior_slope(k, d) + likelihood_slope(k, d); }
  /// (H(z) L)_ij.
  [[nodiscard]] double bend(std::size_t k, std::size_t i, std::size_t j) const {
    double sum = 0;
    for (std::size_t c = j; c < q.dim; ++c) sum += curving[(k * q.dim + c) * q.dim + i] * q.at(c, j);
    return sum;
  }
  /// grad l(m) + H(m) (z - m), entry d.
  [[nodiscard]] double expansion(std::size_t k, std::size_t d) const {
    double sum = at_mean[d];
    for (std::size_t j = 0; j < q.dim; ++j) sum += hessian[d * q.dim + j] * (points[k * q.dim + j] - q.mean[j]);
    return sum;
  }
};

/// Mean and variance of values[node], in two passes so that nothing cancels.
struct Spread {
  double mean = 0;
  double variance = 0;
};

template <class F>
double mean_over(const std::vector<double>& weights, F&& value) {
  double sum = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) sum += weights[k] * value(k);
  return sum;
}

template <class F>
Spread spread(const std::vector<double>& weights, F&& value) {
  Spread result;
  result.mean = mean_over(weights, value);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double deviation = value(k) - result.mean;
    result.variance += weights[k] * deviation * deviation;
  }
  return result;
}

/// f on every node for the parameters of coordinate `own`.
std::vector<double> values(const Scene& scene, Objective objective, Entropy entropy, std::size_t own) {
  std::vector<double> f(scene.total);
  const std::size_t dim = scene.q.dim;
  const double log_root = 0.5 * std::log(2.0 * std::numbers::pi);
  for (std::size_t k = 0; k < scene.total; ++k) {
    double log_q = 0;
    if (objective == Objective::elbo && entropy == Entropy::sampled) {
      log_q = -scene.q.log_determinant();
      for (std::size_t d = 0; d < dim; ++d) log_q -= log_root + 0.5 * scene.noise[k * dim + d] * scene.noise[k * dim + d];
    }
    if (objective == Objective::elbo && entropy == Entropy::own) {
      log_q = -std::log(scene.q.at(own, own)) - log_root - 0.5 * scene.noise[k * dim + own] * scene.noise[k * dim + own];
    }
    f[k] = scene.value(k) - log_q;
  }
  return f;
}

OneSampleMoments on_scene(const Model& model, const Scene& scene, Objective objective, Entropy entropy) {
  const LocationScale& q = scene.q;
  const std::size_t dim = q.dim;
  const std::vector<double>& weights = scene.weight;
  const double counted = objective == Objective::elbo ? 1.0 : 0.0;
  OneSampleMoments result;
  std::vector<double> f = values(scene, objective, entropy == Entropy::own ? Entropy::sampled : entropy, 0);
  const Spread whole = spread(weights, [&](std::size_t k) { return f[k]; });
  result.value = whole.mean;
  result.value_variance = whole.variance;
  const models::GaussianPrior* prior = model.gaussian_prior();
  for (std::size_t p = 0; p < q.parameters(); ++p) {
    const bool location = p < dim;
    const LocationScale::Entry entry = location ? LocationScale::Entry{p, 0, 1.0} : q.entries[p - dim];
    const std::size_t d = entry.row;
    const double slope_of_entropy = counted * q.entropy_slope(p);
    const auto through = [&](std::size_t k) { return location ? 1.0 : entry.chain * scene.noise[k * dim + entry.column]; };  // dz / dlambda
    const auto score = [&](std::size_t k) { return scene.back[k * dim + d] * through(k) - q.entropy_slope(p); };
    const auto path = [&](std::size_t k) { return scene.slope(k, d) * through(k) + slope_of_entropy; };
    if (entropy == Entropy::own) f = values(scene, objective, entropy, d);
    add_score_moments(weights, f, score, entropy == Entropy::exact ? slope_of_entropy : 0.0, result);
    result.score2.push_back(q.score_variance(p));
    const Spread pathwise = spread(weights, path);
    result.path_mean.push_back(pathwise.mean);
    result.path_variance.push_back(pathwise.variance);
    result.path_score.push_back(mean_over(weights, [&](std::size_t k) { return (path(k) - pathwise.mean) * score(k); }));
    result.even_variance.push_back(
        spread(weights, [&](std::size_t k) { return 0.5 * path(k) + 0.5 * path(scene.total - 1 - k); }).variance);
    const Spread landing =
        spread(weights, [&](std::size_t k) { return (scene.slope(k, d) + counted * scene.back[k * dim + d]) * through(k); });
    result.landing_mean.push_back(landing.mean);
    result.landing_variance.push_back(landing.variance);
    result.constant_variance.push_back(
        spread(weights, [&](std::size_t k) { return (scene.slope(k, d) - scene.at_mean[d]) * through(k); }).variance);
    if (!scene.hessian.empty()) {
      result.taylor_variance.push_back(
          spread(weights, [&](std::size_t k) { return (scene.slope(k, d) - scene.expansion(k, d)) * through(k); }).variance);
      const Spread price = spread(weights, [&](std::size_t k) {
        return location ? scene.slope(k, d) : entry.chain * scene.bend(k, d, entry.column) + slope_of_entropy;
      });
      result.price_mean.push_back(price.mean);
      result.price_variance.push_back(price.variance);
    }
    if (prior == nullptr) continue;
    const Spread likelihood = spread(weights, [&](std::size_t k) { return scene.likelihood_slope(k, d) * through(k); });
    const double precision = 1.0 / (prior->sd[d] * prior->sd[d]);
    // E log prior = -1/2 sum_i ((m_i - mu_i)^2 + sum_j L_ij^2) / sd_i^2.
    const double exact =
        location ? -(q.mean[d] - prior->mean[d]) * precision : slope_of_entropy - entry.chain * q.at(d, entry.column) * precision;
    result.likelihood_mean.push_back(likelihood.mean + exact);
    result.likelihood_variance.push_back(likelihood.variance);
  }
  return result;
}

std::vector<double> flat(const OneSampleMoments& m) {
  std::vector<double> all = {m.value, m.value_variance};
  for (const auto* part :
       {&m.gradient, &m.centre, &m.spread, &m.score_variance, &m.centred_variance, &m.value_score2, &m.centred_score2, &m.path_mean,
        &m.path_variance, &m.path_score, &m.even_variance, &m.landing_mean, &m.landing_variance, &m.constant_variance, &m.taylor_variance,
        &m.price_mean, &m.price_variance, &m.likelihood_mean, &m.likelihood_variance}) {
    all.insert(all.end(), part->begin(), part->end());
  }
  return all;
}

}  // namespace

void add_score_moments(const std::vector<double>& weights, const std::vector<double>& f, const std::function<double(std::size_t)>& score,
                       double exact, OneSampleMoments& to) {
  const Spread own = spread(weights, [&](std::size_t k) { return f[k]; });
  const Spread raw = spread(weights, [&](std::size_t k) { return f[k] * score(k); });
  to.centre.push_back(own.mean);
  to.spread.push_back(own.variance);
  to.covariance.push_back(raw.mean);
  to.gradient.push_back(raw.mean + exact);
  to.score_variance.push_back(raw.variance);
  to.centred_variance.push_back(spread(weights, [&](std::size_t k) { return (f[k] - own.mean) * score(k); }).variance);
  to.value_score2.push_back(mean_over(weights, [&](std::size_t k) { return f[k] * score(k) * score(k); }));
  to.centred_score2.push_back(mean_over(weights, [&](std::size_t k) { return (f[k] - own.mean) * score(k) * score(k); }));
}

double OneSampleMoments::baseline_variance(std::size_t p, double b) const {
  // About the mean baseline, so that a large E f does not cancel: Var[(f - b) h] = Var[(f - E f) h] - 2 c E[(f - E f) h^2] + c^2 E[h^2].
  const double beyond = b - centre[p];
  return centred_variance[p] + beyond * (beyond * score2[p] - 2.0 * centred_score2[p]);
}

double OneSampleMoments::optimal_mixture() const {
  double covariances = 0;
  double variances = 0;
  for (std::size_t p = 0; p < score2.size(); ++p) {
    covariances += path_score[p];
    variances += score2[p];
  }
  return -covariances / variances;
}

OneSampleMoments one_sample_moments(const Model& model, const LocationScale& q, Objective objective, Entropy entropy) {
  if (q.dim < 1 || q.dim > 2) throw std::invalid_argument("one_sample_moments: quadrature serves one or two dimensions");
  if (static_cast<Index>(q.dim) != model.dim()) throw std::invalid_argument("one_sample_moments: q and the model differ in dimension");
  if (entropy == Entropy::own && !q.mean_field) {
    throw std::invalid_argument("one_sample_moments: only a mean-field log q splits by coordinate");
  }
  const double finest = q.dim == 1 ? 1.0 / 128 : 1.0 / 16;  // 3585 nodes, 449^2 nodes
  return refine(
      0.5, finest,
      [&](double step) {
        return on_scene(model, Scene(model, q, {q.dim, trapezoidal(step)}), objective, entropy);
      },
      flat);
}

OneSampleMoments one_sample_moments(const Model& model, std::span<const double> lambda, Objective objective) {
  if (static_cast<Index>(lambda.size()) != 2 * model.dim()) {
    throw std::invalid_argument("one_sample_moments: lambda must have 2 dim entries");
  }
  return one_sample_moments(model, mean_field(lambda), objective);
}

}  // namespace variscope::oracles
