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
  double at_mean = 0;  ///< l(m) = -1/2 (m-a)^T b

  Setting(const models::Gaussian& target, std::span<const double> lambda)
      : dim(static_cast<std::size_t>(target.dim())), scale(dim), slope(dim, 0.0), h(target.precision()) {
    if (lambda.size() != 2 * dim) throw std::invalid_argument("oracles: lambda must have 2 dim entries");
    for (std::size_t i = 0; i < dim; ++i) {
      scale[i] = std::exp(lambda[dim + i]);
      for (std::size_t j = 0; j < dim; ++j) slope[i] += entry(i, j) * (lambda[j] - target.mean()[j]);
      at_mean -= 0.5 * slope[i] * (lambda[i] - target.mean()[i]);
    }
  }
  [[nodiscard]] double entry(std::size_t i, std::size_t j) const { return h[i * dim + j]; }
};

double squared(double x) { return x * x; }

/// Variances of s_i-weighted linear gradients: g_i = -(b_i + sum_j W_ij eps_j), g_rho,i = s_i eps_i g_i, with W = H S - landing S^-1.
std::vector<double> path_variance(const Setting& q, double landing) {
  std::vector<double> variance(2 * q.dim, 0.0);
  for (std::size_t i = 0; i < q.dim; ++i) {
    double others = 0;
    for (std::size_t j = 0; j < q.dim; ++j) {
      if (j != i) others += squared(q.entry(i, j) * q.scale[j]);
    }
    const double own = q.entry(i, i) * q.scale[i] - landing / q.scale[i];
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

/// f for the parameters of coordinate `own`.
Quadratic quadratic(const Setting& q, Objective objective, Entropy entropy, std::size_t own) {
  const auto counted = [&](std::size_t i) {
    if (objective != Objective::elbo || entropy == Entropy::exact) return 0.0;
    return entropy == Entropy::sampled || i == own ? 1.0 : 0.0;
  };
  Quadratic f{q.at_mean, std::vector<double>(q.dim), std::vector<double>(q.dim), std::vector<double>(q.dim, 0.0), 0.0};
  for (std::size_t i = 0; i < q.dim; ++i) {
    f.linear[i] = -q.scale[i] * q.slope[i];
    for (std::size_t j = 0; j < q.dim; ++j) {
      const double a = (i == j ? counted(i) : 0.0) - q.scale[i] * q.entry(i, j) * q.scale[j];
      if (i == j) f.diagonal[i] = a;
      f.row_square[i] += a * a;
    }
    f.centre += counted(i) * (std::log(q.scale[i]) + 0.5 * std::log(2.0 * std::numbers::pi)) + 0.5 * f.diagonal[i];
    f.spread += squared(f.linear[i]) + 0.5 * f.row_square[i];
  }
  return f;
}

/// Calls work(i, f) for every coordinate with its f, made once where all share it.
template <class Work>
void for_each_coordinate(const Setting& q, Objective objective, Entropy entropy, Work&& work) {
  Quadratic f = quadratic(q, objective, entropy, 0);
  for (std::size_t i = 0; i < q.dim; ++i) {
    if (i > 0 && entropy == Entropy::own) f = quadratic(q, objective, entropy, i);
    work(i, f);
  }
}

/// E[f h] and E[(f - baseline)^2 h^2] for h = eps_i / s_i and eps_i^2 - 1, `centre` being E f - baseline of each.
struct ScoreMoments {
  double first[2];
  double second[2];
};

ScoreMoments score_moments(const Setting& q, const Quadratic& f, std::size_t i, double location_centre, double scale_centre) {
  const auto curvature = [&](double centre) { return 2.0 * squared(f.linear[i]) + 2.0 * f.row_square[i] + 2.0 * centre * f.diagonal[i]; };
  const auto square = [&](double centre) { return squared(centre) + f.spread; };
  return {{f.linear[i] / q.scale[i], f.diagonal[i]},
          {(square(location_centre) + curvature(location_centre)) / squared(q.scale[i]),
           6.0 * squared(f.diagonal[i]) + 4.0 * curvature(scale_centre) + 2.0 * square(scale_centre)}};
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
  return path_variance(Setting(target, lambda), 0.0);
}

std::vector<double> stick_the_landing_variance(const models::Gaussian& target, std::span<const double> lambda) {
  return path_variance(Setting(target, lambda), 1.0);
}

std::vector<double> antithetic_pair_variance(const models::Gaussian& target, std::span<const double> lambda) {
  const Setting q(target, lambda);
  std::vector<double> variance = path_variance(q, 0.0);
  for (std::size_t i = 0; i < q.dim; ++i) {
    // s^2 (2 own^2 + others) = s^2 (own^2 + Var g_m).
    variance[q.dim + i] = squared(q.scale[i]) * (squared(q.entry(i, i) * q.scale[i]) + variance[i]);
    variance[i] = 0;
  }
  return variance;
}

std::vector<double> mixture_variance(const models::Gaussian& target, std::span<const double> lambda, double c) {
  return path_variance(Setting(target, lambda), c);
}

double optimal_mixture(const models::Gaussian& target, std::span<const double> lambda) {
  const Setting q(target, lambda);
  double covariances = 0;
  double variances = 0;
  for (std::size_t i = 0; i < q.dim; ++i) {
    covariances -= q.entry(i, i) * (1.0 + 2.0 * squared(q.scale[i]));
    variances += 1.0 / squared(q.scale[i]) + 2.0;
  }
  return -covariances / variances;
}

std::vector<double> baseline_variance(const models::Gaussian& target, std::span<const double> lambda, Objective objective, Entropy entropy,
                                      std::span<const double> coefficients) {
  const Setting q(target, lambda);
  if (coefficients.size() != 2 * q.dim) throw std::invalid_argument("oracles: 2 dim coefficients are needed");
  std::vector<double> variance(2 * q.dim);
  for_each_coordinate(q, objective, entropy, [&](std::size_t i, const Quadratic& f) {
    const ScoreMoments moments = score_moments(q, f, i, f.centre - coefficients[i], f.centre - coefficients[q.dim + i]);
    variance[i] = moments.second[0] - squared(moments.first[0]);
    variance[q.dim + i] = moments.second[1] - squared(moments.first[1]);
  });
  return variance;
}

std::vector<double> score_function_variance(const models::Gaussian& target, std::span<const double> lambda, Objective objective,
                                            Entropy entropy) {
  return baseline_variance(target, lambda, objective, entropy, std::vector<double>(lambda.size(), 0.0));
}

std::vector<double> mean_baseline(const models::Gaussian& target, std::span<const double> lambda, Objective objective, Entropy entropy) {
  const Setting q(target, lambda);
  std::vector<double> centre(2 * q.dim);
  for_each_coordinate(q, objective, entropy, [&](std::size_t i, const Quadratic& f) { centre[i] = centre[q.dim + i] = f.centre; });
  return centre;
}

std::vector<double> optimal_coefficients(const models::Gaussian& target, std::span<const double> lambda, Objective objective,
                                         Entropy entropy) {
  const Setting q(target, lambda);
  std::vector<double> best(2 * q.dim);
  for_each_coordinate(q, objective, entropy, [&](std::size_t i, const Quadratic& f) {
    best[i] = f.centre + f.diagonal[i];
    best[q.dim + i] = f.centre + 2.0 * f.diagonal[i];
  });
  return best;
}

std::vector<double> leave_one_out_variance(const models::Gaussian& target, std::span<const double> lambda, Objective objective,
                                           Index samples, Entropy entropy) {
  const Setting q(target, lambda);
  std::vector<double> variance(2 * q.dim);
  for_each_coordinate(q, objective, entropy, [&](std::size_t i, const Quadratic& f) {
    const ScoreMoments moments = score_moments(q, f, i, 0.0, 0.0);
    variance[i] = sample_covariance_variance(moments.second[0], f.spread, 1.0 / squared(q.scale[i]), moments.first[0], samples);
    variance[q.dim + i] = sample_covariance_variance(moments.second[1], f.spread, 2.0, moments.first[1], samples);
  });
  return variance;
}

double sample_covariance_variance(double mu22, double mu20, double mu02, double mu11, Index samples) {
  if (samples < 2) throw std::invalid_argument("leave-one-out needs at least 2 samples");
  const auto m = static_cast<double>(samples);
  return (mu22 - mu11 * mu11) / m + (mu20 * mu02 + mu11 * mu11) / (m * (m - 1.0));
}

}  // namespace variscope::oracles
