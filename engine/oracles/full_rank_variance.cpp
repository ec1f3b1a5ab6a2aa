/// Closed-form variances under a full-rank q: the gradient is linear in eps, its product with eps_j quadratic.
#include "engine/oracles/full_rank_variance.hpp"

#include <numbers>
#include <stdexcept>

namespace variscope::oracles {
namespace {

double squared(double x) { return x * x; }

/// b and K - c L^-T.
struct Slope {
  std::size_t dim;
  std::vector<double> constant;
  std::vector<double> linear;

  Slope(const models::Gaussian& target, const LocationScale& q, double c) : dim(q.dim), constant(dim, 0.0), linear(dim * dim, 0.0) {
    if (target.dim() != static_cast<Index>(dim)) throw std::invalid_argument("oracles: q and the model differ in dimension");
    const std::vector<double>& h = target.precision();
    for (std::size_t i = 0; i < dim; ++i) {
      for (std::size_t j = 0; j < dim; ++j) {
        constant[i] += h[i * dim + j] * (q.mean[j] - target.mean()[j]);
        for (std::size_t k = 0; k < dim; ++k) linear[i * dim + j] += h[i * dim + k] * q.at(k, j);
        linear[i * dim + j] -= c * q.back(i, j);
      }
    }
  }
  [[nodiscard]] double at(std::size_t i, std::size_t j) const { return linear[i * dim + j]; }
  [[nodiscard]] double row_square(std::size_t i) const {
    double sum = 0;
    for (std::size_t k = 0; k < dim; ++k) sum += squared(at(i, k));
    return sum;
  }
};

}  // namespace

std::vector<double> full_rank_gradient(const models::Gaussian& target, const LocationScale& q, estimators::Objective objective) {
  const Slope slope(target, q, 0.0);
  const double entropy = objective == estimators::Objective::elbo ? 1.0 : 0.0;
  std::vector<double> gradient;
  for (std::size_t i = 0; i < q.dim; ++i) gradient.push_back(-slope.constant[i]);
  for (const LocationScale::Entry& entry : q.entries) {
    gradient.push_back(entropy * q.entropy_slope(gradient.size()) - entry.chain * slope.at(entry.row, entry.column));
  }
  return gradient;
}

std::vector<double> full_rank_mixture_variance(const models::Gaussian& target, const LocationScale& q, double c) {
  const Slope slope(target, q, c);
  std::vector<double> variance;
  for (std::size_t i = 0; i < q.dim; ++i) variance.push_back(slope.row_square(i));
  for (const LocationScale::Entry& entry : q.entries) {
    variance.push_back(squared(entry.chain) *
                       (squared(slope.constant[entry.row]) + variance[entry.row] + squared(slope.at(entry.row, entry.column))));
  }
  return variance;
}

double full_rank_optimal_mixture(const models::Gaussian& target, const LocationScale& q) {
  // The total is quadratic in c: its value at three points gives the vertex.
  const auto total = [&](double c) {
    double sum = 0;
    for (const double v : full_rank_mixture_variance(target, q, c)) sum += v;
    return sum;
  };
  const double low = total(-1.0);
  const double middle = total(0.0);
  const double high = total(1.0);
  return 0.5 * (low - high) / (low - 2.0 * middle + high);
}

std::vector<double> full_rank_antithetic_variance(const models::Gaussian& target, const LocationScale& q) {
  const Slope slope(target, q, 0.0);
  std::vector<double> variance(q.dim, 0.0);
  for (const LocationScale::Entry& entry : q.entries) {
    variance.push_back(squared(entry.chain) * (slope.row_square(entry.row) + squared(slope.at(entry.row, entry.column))));
  }
  return variance;
}

std::vector<double> full_rank_measure_valued_variance(const models::Gaussian& target, const LocationScale& q) {
  const Slope slope(target, q, 0.0);
  const std::size_t dim = q.dim;
  std::vector<double> curvature(dim * dim, 0.0);
  std::vector<double> tilt(dim, 0.0);
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t k = 0; k < dim; ++k) {
      tilt[k] += q.at(i, k) * slope.constant[i];
      for (std::size_t l = 0; l < dim; ++l) curvature[k * dim + l] += q.at(i, k) * slope.at(i, l);
    }
  }
  constexpr double kCoupled = 4 / std::numbers::pi;
  const auto bend = [&](std::size_t k, std::size_t l) { return curvature[k * dim + l]; };
  // E A_k A_m, its noise being neither eps_k nor eps_m.
  const auto common = [&](std::size_t k, std::size_t m) {
    double sum = tilt[k] * tilt[m];
    for (std::size_t l = 0; l < dim; ++l) sum += l == k || l == m ? 0.0 : bend(k, l) * bend(m, l);
    return sum;
  };
  const auto of_locations = [&](std::size_t k, std::size_t m) { return (k == m ? kCoupled : 1.0) * common(k, m) - tilt[k] * tilt[m]; };
  const auto of_column = [&](std::size_t j, std::size_t k, std::size_t m) {
    if (k == j && m == j) return common(j, j) + squared(bend(j, j));
    if (k == j || m == j) {
      const std::size_t other = k == j ? m : k;
      return 0.75 * common(j, other) + 2.0 / 3 * bend(j, j) * bend(other, j);
    }
    const double both = bend(k, j) * bend(m, j);
    return (k == m ? kCoupled : 1.0) * (common(k, m) + 2 * both) - both;
  };
  std::vector<double> variance;
  for (std::size_t i = 0; i < dim; ++i) {
    double sum = 0;
    for (std::size_t k = i; k < dim; ++k) {
      for (std::size_t m = i; m < dim; ++m) sum += q.back(i, k) * q.back(i, m) * of_locations(k, m);
    }
    variance.push_back(sum);
  }
  for (const LocationScale::Entry& entry : q.entries) {
    double sum = 0;
    for (std::size_t k = entry.row; k < dim; ++k) {
      for (std::size_t m = entry.row; m < dim; ++m) sum += q.back(entry.row, k) * q.back(entry.row, m) * of_column(entry.column, k, m);
    }
    variance.push_back(squared(entry.chain) * sum);
  }
  return variance;
}

}  // namespace variscope::oracles
