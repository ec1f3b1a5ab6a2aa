/// Closed-form estimator variances on the Gaussian target.
#include "engine/oracles/gaussian_variance.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace variscope::oracles {
namespace {

using estimators::Objective;

/// The target seen from q.
struct Setting {
  std::size_t dim;
  std::vector<double> scale;  ///< s
  std::vector<double> slope;  ///< b = H (m - a)
  const std::vector<double>& h;
  double at_mean = 0;     ///< l(m) = -1/2 (m-a)^T b
  double log_scales = 0;  ///< sum of log s

  Setting(const models::Gaussian& target, std::span<const double> lambda)
      : dim(static_cast<std::size_t>(target.dim())), scale(dim), slope(dim, 0.0), h(target.precision()) {
    if (lambda.size() != 2 * dim) throw std::invalid_argument("oracles: lambda must have 2 dim entries");
    for (std::size_t i = 0; i < dim; ++i) {
      scale[i] = std::exp(lambda[dim + i]);
      log_scales += lambda[dim + i];
      for (std::size_t j = 0; j < dim; ++j) slope[i] += entry(i, j) * (lambda[j] - target.mean()[j]);
      at_mean -= 0.5 * slope[i] * (lambda[i] - target.mean()[i]);
    }
  }
  [[nodiscard]] double entry(std::size_t i, std::size_t j) const { return h[i * dim + j]; }
};

double squared(double x) { return x * x; }

/// Variances of s_i-weighted linear gradients: g_i = -(b_i + sum_j W_ij eps_j), g_rho,i = s_i eps_i g_i, with W = H S - landing S^-1.
std::vector<double> path_variance(const Setting& q, bool landing) {
  std::vector<double> variance(2 * q.dim, 0.0);
  for (std::size_t i = 0; i < q.dim; ++i) {
    double others = 0;
    for (std::size_t j = 0; j < q.dim; ++j) {
      if (j != i) others += squared(q.entry(i, j) * q.scale[j]);
    }
    const double own = q.entry(i, i) * q.scale[i] - (landing ? 1.0 / q.scale[i] : 0.0);
    const double square = squared(q.scale[i]);
    variance[i] = squared(own) + others;
    variance[q.dim + i] = square * (squared(q.slope[i]) + 2.0 * squared(own) + others);
  }
  return variance;
}

/// f = centre + c^T eps + 1/2 (eps^T A eps - tr A).
struct Quadratic {
  double centre;
  std::vector<double> linear;      ///< c
  std::vector<double> diagonal;    ///< A_ii
  std::vector<double> row_square;  ///< sum_j A_ij^2
  double spread;                   ///< Var f = |c|^2 + 1/2 |A|_F^2
};

Quadratic quadratic(const Setting& q, Objective objective) {
  const double entropy = objective == Objective::elbo ? 1.0 : 0.0;
  const double constant = q.log_scales + 0.5 * static_cast<double>(q.dim) * std::log(2.0 * std::numbers::pi);
  Quadratic f{q.at_mean + entropy * constant, std::vector<double>(q.dim), std::vector<double>(q.dim), std::vector<double>(q.dim, 0.0), 0.0};
  for (std::size_t i = 0; i < q.dim; ++i) {
    f.linear[i] = -q.scale[i] * q.slope[i];
    for (std::size_t j = 0; j < q.dim; ++j) {
      const double a = (i == j ? entropy : 0.0) - q.scale[i] * q.entry(i, j) * q.scale[j];
      if (i == j) f.diagonal[i] = a;
      f.row_square[i] += a * a;
    }
    f.centre += 0.5 * f.diagonal[i];
    f.spread += squared(f.linear[i]) + 0.5 * f.row_square[i];
  }
  return f;
}

/// E[f h] and E[(f - baseline)^2 h^2] for h = eps_i / s_i (parameter i) and eps_i^2 - 1 (parameter dim + i), `centre` being E f - baseline.
struct ScoreMoments {
  std::vector<double> first;
  std::vector<double> second;
};

ScoreMoments score_moments(const Setting& q, const Quadratic& f, double centre) {
  ScoreMoments moments{std::vector<double>(2 * q.dim), std::vector<double>(2 * q.dim)};
  const double square = squared(centre) + f.spread;
  for (std::size_t i = 0; i < q.dim; ++i) {
    const double curvature = 2.0 * squared(f.linear[i]) + 2.0 * f.row_square[i] + 2.0 * centre * f.diagonal[i];
    moments.first[i] = f.linear[i] / q.scale[i];
    moments.second[i] = (square + curvature) / squared(q.scale[i]);
    moments.first[q.dim + i] = f.diagonal[i];
    moments.second[q.dim + i] = 6.0 * squared(f.diagonal[i]) + 4.0 * curvature + 2.0 * square;
  }
  return moments;
}

}  // namespace

std::vector<double> gaussian_gradient(const models::Gaussian& target, std::span<const double> lambda, Objective objective) {
  const Setting q(target, lambda);
  std::vector<double> gradient(2 * q.dim);
  for (std::size_t i = 0; i < q.dim; ++i) {
    gradient[i] = -q.slope[i];
    gradient[q.dim + i] = (objective == Objective::elbo ? 1.0 : 0.0) - squared(q.scale[i]) * q.entry(i, i);
  }
  return gradient;
}

std::vector<double> closed_form_entropy_variance(const models::Gaussian& target, std::span<const double> lambda) {
  return path_variance(Setting(target, lambda), false);
}

std::vector<double> stick_the_landing_variance(const models::Gaussian& target, std::span<const double> lambda) {
  return path_variance(Setting(target, lambda), true);
}

std::vector<double> antithetic_pair_variance(const models::Gaussian& target, std::span<const double> lambda) {
  const Setting q(target, lambda);
  std::vector<double> variance = path_variance(q, false);
  for (std::size_t i = 0; i < q.dim; ++i) {
    // s^2 (2 own^2 + others) = s^2 (own^2 + Var g_m).
    variance[q.dim + i] = squared(q.scale[i]) * (squared(q.entry(i, i) * q.scale[i]) + variance[i]);
    variance[i] = 0;
  }
  return variance;
}

std::vector<double> score_function_variance(const models::Gaussian& target, std::span<const double> lambda, Objective objective) {
  const Setting q(target, lambda);
  const Quadratic f = quadratic(q, objective);
  const ScoreMoments moments = score_moments(q, f, f.centre);
  std::vector<double> variance(2 * q.dim);
  for (std::size_t p = 0; p < 2 * q.dim; ++p) variance[p] = moments.second[p] - squared(moments.first[p]);
  return variance;
}

std::vector<double> leave_one_out_variance(const models::Gaussian& target, std::span<const double> lambda, Objective objective,
                                           Index samples) {
  const Setting q(target, lambda);
  const Quadratic f = quadratic(q, objective);
  const ScoreMoments moments = score_moments(q, f, 0.0);
  std::vector<double> variance(2 * q.dim);
  for (std::size_t p = 0; p < 2 * q.dim; ++p) {
    const double score_square = p < q.dim ? 1.0 / squared(q.scale[p]) : 2.0;
    variance[p] = sample_covariance_variance(moments.second[p], f.spread, score_square, moments.first[p], samples);
  }
  return variance;
}

double sample_covariance_variance(double mu22, double mu20, double mu02, double mu11, Index samples) {
  if (samples < 2) throw std::invalid_argument("leave-one-out needs at least 2 samples");
  const auto m = static_cast<double>(samples);
  return (mu22 - mu11 * mu11) / m + (mu20 * mu02 + mu11 * mu11) / (m * (m - 1.0));
}

}  // namespace variscope::oracles
