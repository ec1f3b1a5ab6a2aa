/// Score moments from lists of weighted points; pathwise moments from matrices.
#include "engine/oracles/further_families.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "engine/models/gaussian.hpp"
#include "engine/oracles/evaluation.hpp"
#include "engine/oracles/quadrature.hpp"
#include "engine/oracles/refine.hpp"
#include "engine/oracles/score_truth.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;
using models::Model;

constexpr Index kMostStates = 4096;
const double kLogRoot = 0.5 * std::log(2 * std::numbers::pi);

/// Points with the probability (or quadrature weight times density) of each, log q there, and its derivative in every parameter.
struct Nodes {
  std::vector<double> points;  ///< [node x dim]
  std::vector<double> weight;
  std::vector<double> log_q;
  std::vector<double> score;  ///< [node x parameter]
};

OneSampleMoments moments_of(const Model& model, const Nodes& nodes, std::size_t parameters, Objective objective) {
  std::vector<double> f = evaluate_values(model, nodes.points);
  for (std::size_t k = 0; k < f.size() && objective == Objective::elbo; ++k) f[k] -= nodes.log_q[k];
  OneSampleMoments moments;
  for (std::size_t p = 0; p < parameters; ++p) {
    const auto score = [&](std::size_t k) { return nodes.score[k * parameters + p]; };
    add_score_moments(nodes.weight, f, score, 0.0, moments);
    double square = 0;
    for (std::size_t k = 0; k < f.size(); ++k) square += nodes.weight[k] * score(k) * score(k);
    moments.score2.push_back(square);
  }
  return moments;
}

std::vector<double> flat(const OneSampleMoments& m) {
  std::vector<double> all;
  for (const auto* part : {&m.gradient, &m.centre, &m.spread, &m.score_variance, &m.centred_variance, &m.centred_score2, &m.score2})
    all.insert(all.end(), part->begin(), part->end());
  return all;
}

/// N(m, D^2 + B B').
struct LowRank {
  Index dim;
  Index rank;
  Eigen::VectorXd mean;
  Eigen::MatrixXd factor;      ///< F = (diag d, B)
  Eigen::MatrixXd covariance;  ///< S
  Eigen::MatrixXd precision;   ///< S^-1

  LowRank(Index given, std::span<const double> lambda)
      : dim(given), rank(static_cast<Index>(lambda.size()) / given - 2), mean(given), factor(given, given + std::max<Index>(rank, 0)) {
    if (rank < 1 || static_cast<Index>(lambda.size()) != dim * (2 + rank))
      throw std::invalid_argument("oracles: a low-rank lambda has dim (2 + rank) entries");
    factor.setZero();
    for (Index i = 0; i < dim; ++i) {
      const auto at = [&](Index place) { return lambda[static_cast<std::size_t>(place)]; };
      mean[i] = at(i);
      factor(i, i) = std::exp(at(dim + i));
      for (Index k = 0; k < rank; ++k) factor(i, dim + k) = at(2 * dim + i * rank + k);
    }
    covariance = factor * factor.transpose();
    precision = covariance.inverse();
  }
  /// One value a parameter behind the means: entry(i, column of F) times what log d_i makes of it.
  template <class Entry>
  void for_entries(Entry&& entry) const {
    for (Index i = 0; i < dim; ++i) entry(i, i, factor(i, i));
    for (Index i = 0; i < dim; ++i) {
      for (Index k = 0; k < rank; ++k) entry(i, dim + k, 1.0);
    }
  }
};

Nodes nodes_of(const LowRank& q, double step) {
  const Rule rule = trapezoidal(step, 11.0);
  const Eigen::MatrixXd root = q.covariance.llt().matrixL();
  const double log_normaliser = std::log(root.diagonal().prod()) + static_cast<double>(q.dim) * kLogRoot;
  std::size_t total = 1;
  for (Index d = 0; d < q.dim; ++d) total *= rule.size();
  Nodes nodes;
  for (std::size_t k = 0; k < total; ++k) {
    Eigen::VectorXd eps(q.dim);
    double weight = 1;
    std::size_t rest = k;
    for (Index d = 0; d < q.dim; ++d, rest /= rule.size()) {
      eps[d] = rule.nodes[rest % rule.size()];
      weight *= rule.weights[rest % rule.size()];
    }
    const Eigen::VectorXd offset = root * eps;
    const Eigen::VectorXd w = q.precision * offset;
    const Eigen::MatrixXd by_factor = (w * w.transpose() - q.precision) * q.factor;
    for (Index d = 0; d < q.dim; ++d) nodes.points.push_back(q.mean[d] + offset[d]);
    nodes.weight.push_back(weight);
    nodes.log_q.push_back(-log_normaliser - 0.5 * eps.squaredNorm());
    for (Index d = 0; d < q.dim; ++d) nodes.score.push_back(w[d]);
    q.for_entries([&](Index i, Index column, double chain) { nodes.score.push_back(chain * by_factor(i, column)); });
  }
  return nodes;
}

/// A quadratic target seen from q: l = const - b'F n - 1/2 n'F'H F n.
struct Quadratic {
  Eigen::MatrixXd h;
  Eigen::VectorXd b;      ///< H (m - a)
  Eigen::MatrixXd slope;  ///< H F

  Quadratic(const models::Gaussian& target, const LowRank& q) : h(q.dim, q.dim) {
    Eigen::VectorXd offset = q.mean;
    for (Index i = 0; i < q.dim; ++i) {
      offset[i] -= target.mean()[static_cast<std::size_t>(i)];
      for (Index j = 0; j < q.dim; ++j) h(i, j) = target.precision()[static_cast<std::size_t>(i * q.dim + j)];
    }
    b = h * offset;
    slope = h * q.factor;
  }
};

/// One sample is -(mean + W_m n) for the mean and -(constant + W_f n) n' for F.
struct Linear {
  Eigen::MatrixXd of_mean;
  Eigen::VectorXd constant;
  Eigen::MatrixXd of_factor;
};

/// Nothing for other names, or what the estimator cannot do.
std::optional<Linear> linear_of(const std::string& estimator, const Quadratic& l, const LowRank& q, Objective objective, Index samples,
                                const Options& options) {
  const Eigen::MatrixXd none = Eigen::MatrixXd::Zero(l.slope.rows(), l.slope.cols());
  const Eigen::VectorXd nothing = Eigen::VectorXd::Zero(l.b.size());
  if (estimator == "pw_cfe") return Linear{l.slope, l.b, l.slope};
  if (estimator == "pw_antithetic" && samples % 2 == 0) return Linear{none, nothing, l.slope};
  if (estimator == "taylor_hessian") return Linear{none, nothing, none};
  if (estimator == "taylor_hvp") return Linear{none, nothing, l.slope};
  if (estimator == "bonnet_price") return Linear{l.slope, nothing, none};
  if (estimator == "pw_quadratic") {
    Eigen::VectorXd constant = nothing;
    Eigen::VectorXd diagonal = -((l.h * q.covariance).diagonal().array() / q.covariance.diagonal().array()).matrix();
    for (Index i = 0; i < q.dim && !options.surrogate.empty(); ++i) {
      constant[i] = l.b[i] + options.surrogate[static_cast<std::size_t>(i)];
      diagonal[i] = options.surrogate[static_cast<std::size_t>(q.dim + i)];
    }
    const Eigen::MatrixXd rest = l.slope + diagonal.asDiagonal() * q.factor;
    return Linear{rest, constant, rest};
  }
  if (objective != Objective::elbo || (estimator != "stl" && (estimator != "mix" || !options.mixture))) return std::nullopt;
  const Eigen::MatrixXd w = l.slope - (estimator == "stl" ? 1.0 : *options.mixture) * q.precision * q.factor;
  return Linear{w, l.b, w};
}

/// Variances of one sample's weak derivatives, divided by M. With Q = F'H F and A_i = (F'b)_i + sum_{k != i} Q_ik n_k, replacing n_i gives
/// 2 W A_i / sqrt(2 pi) for the mean (E W^2 = 2), A_i K (1 - U) + 1/2 Q_ii K^2 (1 - U^2) for the scale (E K^2 = 3, E K^4 = 15), and the
/// former times n_c for B; the mean's and B's are divided by d_i.
std::vector<double> measure_valued_variance(const Quadratic& l, const LowRank& q, Index samples) {
  const Eigen::MatrixXd curvature = q.factor.transpose() * l.slope;
  const Eigen::VectorXd tilt = q.factor.transpose() * l.b;
  constexpr double kCoupled = 4 / std::numbers::pi;
  std::vector<double> variance;
  const auto rest = [&](Index i) { return tilt[i] * tilt[i] + curvature.row(i).squaredNorm() - curvature(i, i) * curvature(i, i); };
  const auto n = static_cast<double>(samples);
  for (Index i = 0; i < q.dim; ++i) variance.push_back((kCoupled * rest(i) - tilt[i] * tilt[i]) / (n * q.factor(i, i) * q.factor(i, i)));
  q.for_entries([&](Index i, Index column, double) {
    const double own = curvature(i, column) * curvature(i, column);
    const double d = q.factor(i, i);
    variance.push_back((column == i ? rest(i) + own : (kCoupled * (rest(i) + 2 * own) - own) / (d * d)) / n);
  });
  return variance;
}

std::optional<EstimatorTruth> pathwise(const std::string& estimator, const models::Gaussian& target, const LowRank& q, Objective objective,
                                       Index samples, const Options& options) {
  if (samples < 1) return std::nullopt;
  const Quadratic l(target, q);
  const std::optional<Linear> linear = linear_of(estimator, l, q, objective, samples, options);
  if (!linear && estimator != "mvd") return std::nullopt;
  const Eigen::MatrixXd score = q.precision * q.factor;
  const double counted = objective == Objective::elbo ? 1.0 : 0.0;
  EstimatorTruth truth;
  for (Index i = 0; i < q.dim; ++i) truth.mean.push_back(-l.b[i]);
  q.for_entries(
      [&](Index i, Index column, double chain) { truth.mean.push_back(chain * (counted * score(i, column) - l.slope(i, column))); });
  if (linear) {
    const auto averaged = static_cast<double>(estimator == "pw_antithetic" ? samples / 2 : samples);
    for (Index i = 0; i < q.dim; ++i) truth.variance.push_back(linear->of_mean.row(i).squaredNorm() / averaged);
    q.for_entries([&](Index i, Index column, double chain) {
      const Eigen::MatrixXd& w = linear->of_factor;
      const double one = linear->constant[i] * linear->constant[i] + w.row(i).squaredNorm() + w(i, column) * w(i, column);
      truth.variance.push_back(chain * chain * one / averaged);
    });
  } else {
    truth.variance = measure_valued_variance(l, q, samples);
  }
  double size = 0;
  for (std::size_t p = 0; p < truth.mean.size(); ++p) size = std::max({size, std::abs(truth.mean[p]), truth.variance[p]});
  truth.error = 1000 * std::numeric_limits<double>::epsilon() * size * std::max(1.0, q.precision.norm() * q.covariance.norm());
  return truth;
}

/// sum_k w_k N(m_k, diag s_k^2): a grid over z whose steps are shares of the least scale.
struct Mixture {
  std::size_t dim;
  std::size_t components;
  std::vector<double> log_weight;
  std::vector<double> mean;  ///< [component x dim]
  std::vector<double> scale;

  Mixture(std::size_t given, std::span<const double> lambda) : dim(given), components((lambda.size() + 1) / (1 + 2 * given)) {
    if (components < 1 || lambda.size() != components - 1 + 2 * dim * components)
      throw std::invalid_argument("oracles: a mixture's lambda has components - 1 + 2 dim components entries");
    double total = 0;
    for (std::size_t k = 0; k < components; ++k) {
      log_weight.push_back(k + 1 < components ? lambda[k] : 0.0);
      total += std::exp(log_weight[k]);
    }
    for (double& w : log_weight) w -= std::log(total);
    for (std::size_t i = 0; i < dim * components; ++i) {
      mean.push_back(lambda[components - 1 + i]);
      scale.push_back(std::exp(lambda[components - 1 + dim * components + i]));
    }
  }

  [[nodiscard]] Nodes nodes(double share) const {
    std::vector<std::vector<double>> axes(dim);
    double volume = 1;
    for (std::size_t d = 0; d < dim; ++d) {
      double low = std::numeric_limits<double>::infinity();
      double high = -low;
      double least = low;
      for (std::size_t k = 0; k < components; ++k) {
        const double s = scale[k * dim + d];
        low = std::min(low, mean[k * dim + d] - 11 * s);
        high = std::max(high, mean[k * dim + d] + 11 * s);
        least = std::min(least, s);
      }
      const double step = share * least;
      volume *= step;
      for (double z = low; z <= high; z += step) axes[d].push_back(z);
    }
    std::size_t total = 1;
    for (const auto& axis : axes) total *= axis.size();
    Nodes nodes;
    std::vector<double> z(dim);
    std::vector<double> terms(components);
    for (std::size_t k = 0; k < total; ++k) {
      std::size_t rest = k;
      for (std::size_t d = 0; d < dim; ++d, rest /= axes[d - 1].size()) z[d] = axes[d][rest % axes[d].size()];
      double density = 0;
      for (std::size_t j = 0; j < components; ++j) {
        double log_term = log_weight[j];
        for (std::size_t d = 0; d < dim; ++d) log_term -= kLogRoot + std::log(scale[j * dim + d]) + 0.5 * square(residual(j, d, z));
        terms[j] = std::exp(log_term);
        density += terms[j];
      }
      if (!(density * volume > 1e-40)) continue;
      nodes.points.insert(nodes.points.end(), z.begin(), z.end());
      nodes.weight.push_back(density * volume);
      nodes.log_q.push_back(std::log(density));
      for (std::size_t j = 0; j + 1 < components; ++j) nodes.score.push_back(terms[j] / density - std::exp(log_weight[j]));
      for (const bool scales : {false, true}) {
        for (std::size_t j = 0; j < components; ++j) {
          for (std::size_t d = 0; d < dim; ++d) {
            const double u = residual(j, d, z);
            nodes.score.push_back(terms[j] / density * (scales ? u * u - 1 : u / scale[j * dim + d]));
          }
        }
      }
    }
    return nodes;
  }

 private:
  static double square(double x) { return x * x; }
  [[nodiscard]] double residual(std::size_t component, std::size_t d, const std::vector<double>& z) const {
    return (z[d] - mean[component * dim + d]) / scale[component * dim + d];
  }
};

/// All states of independent variables; nothing if there are too many.
std::optional<Nodes> states_of(std::span<const double> logits, std::size_t categories) {
  if (categories < 2 || logits.size() % categories != 0) throw std::invalid_argument("oracles: logits are a multiple of the categories");
  const std::size_t variables = logits.size() / categories;
  std::vector<double> probability(logits.begin(), logits.end());
  for (std::size_t v = 0; v < variables; ++v) {
    double total = 0;
    for (std::size_t c = 0; c < categories; ++c) total += std::exp(logits[v * categories + c]);
    for (std::size_t c = 0; c < categories; ++c) probability[v * categories + c] = std::exp(logits[v * categories + c]) / total;
  }
  Index total = 1;
  for (std::size_t v = 0; v < variables; ++v) {
    total *= static_cast<Index>(categories);
    if (total > kMostStates) return std::nullopt;
  }
  Nodes nodes;
  for (Index k = 0; k < total; ++k) {
    std::vector<double> z(logits.size(), 0.0);
    double weight = 1;
    auto rest = static_cast<std::size_t>(k);
    for (std::size_t v = 0; v < variables; ++v, rest /= categories) {
      const std::size_t place = v * categories + rest % categories;
      z[place] = 1;
      weight *= probability[place];
    }
    for (std::size_t d = 0; d < z.size(); ++d) nodes.score.push_back(z[d] - probability[d]);
    nodes.points.insert(nodes.points.end(), z.begin(), z.end());
    nodes.weight.push_back(weight);
    nodes.log_q.push_back(std::log(weight));
  }
  return nodes;
}

}  // namespace

std::optional<EstimatorTruth> further_family_truth(const std::string& estimator, const Model& model, const std::string& family,
                                                   std::span<const double> lambda, Objective objective, Index samples,
                                                   const Options& options, Index categories) {
  const bool score = is_score_estimator(estimator) && estimator != "sf_rb" && options.entropy == Entropy::sampled;
  const auto by_grid = [&](const std::function<Nodes(double)>& nodes, double coarsest) {
    const OneSampleMoments one = refine(
        coarsest, coarsest / 4, [&](double step) { return moments_of(model, nodes(step), lambda.size(), objective); }, flat);
    return score_truth(estimator, one, samples, options);
  };
  if (family == "low_rank_gaussian") {
    const LowRank q(model.dim(), lambda);
    const auto* gaussian = dynamic_cast<const models::Gaussian*>(&model);
    if (score && model.dim() <= 2) return by_grid([&](double step) { return nodes_of(q, step); }, 0.5);
    return gaussian == nullptr ? std::nullopt : pathwise(estimator, *gaussian, q, objective, samples, options);
  }
  if (family == "gaussian_mixture" && score && model.dim() <= 2) {
    const Mixture q(static_cast<std::size_t>(model.dim()), lambda);
    return by_grid([&](double step) { return q.nodes(step); }, 0.5);
  }
  if (family == "categorical" && score) {
    const auto nodes = states_of(lambda, static_cast<std::size_t>(categories));
    if (!nodes) return std::nullopt;
    OneSampleMoments one = moments_of(model, *nodes, lambda.size(), objective);
    for (const double value : flat(one)) one.error = std::max(one.error, 500 * std::numeric_limits<double>::epsilon() * std::abs(value));
    return score_truth(estimator, one, samples, options);
  }
  return std::nullopt;
}

}  // namespace variscope::oracles
