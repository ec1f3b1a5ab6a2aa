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
  std::vector<double> fit(2 * dim, 0.0);
  const auto slope = [&](std::size_t k, std::size_t d) {
    return density.prior[k * (1 + dim) + 1 + d] + density.likelihood[k * (1 + dim) + 1 + d];
  };
  const auto shift = [&](std::size_t k, std::size_t d) { return points[k * dim + d] - q.mean[d]; };
  for (std::size_t d = 0; d < dim; ++d) {
    double variance = 0;
    for (std::size_t k = 0; k < total; ++k) {
      fit[d] += weight[k] * slope(k, d);
      fit[dim + d] += weight[k] * slope(k, d) * shift(k, d);
      variance += weight[k] * squared(shift(k, d));
    }
    fit[dim + d] /= variance;
  }
  if (!surrogate.empty()) fit.assign(surrogate.begin(), surrogate.end());
  EstimatorTruth result;
  for (std::size_t p = 0; p < q.parameters(); ++p) {
    const bool location = p < dim;
    const LocationScale::Entry entry = location ? LocationScale::Entry{p, 0, 1.0} : q.entries[p - dim];
    const std::size_t d = entry.row;
    const auto sample = [&](std::size_t k) {
      const double bent = slope(k, d) - fit[dim + d] * shift(k, d);
      return location ? bent : (bent - fit[d]) * entry.chain * noise[k * dim + entry.column];
    };
    double mean = 0;
    double variance = 0;
    for (std::size_t k = 0; k < total; ++k) mean += weight[k] * sample(k);
    for (std::size_t k = 0; k < total; ++k) variance += weight[k] * squared(sample(k) - mean);
    const double known = location ? 0.0 : entry.chain * fit[dim + d] * q.at(d, entry.column) + entropy * q.entropy_slope(p);
    result.mean.push_back(mean + known);
    result.variance.push_back(variance);
  }
  return result;
}

}  // namespace

EstimatorTruth quadratic_surrogate_moments(const models::Model& model, const LocationScale& q, estimators::Objective objective,
                                           std::span<const double> surrogate) {
  if (q.dim < 1 || q.dim > 2) throw std::invalid_argument("quadratic_surrogate_moments: one or two dimensions");
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
  std::vector<double> variance;
  std::vector<double> off;
  std::vector<double> along(dim * dim);  // k
  for (std::size_t d = 0; d < dim; ++d) {
    double centre = 0;
    double own = 0;     // (H L L')_dd
    double spread = 0;  // (L L')_dd
    for (std::size_t j = 0; j < dim; ++j) {
      centre -= h[d * dim + j] * (q.mean[j] - target.mean()[j]);
      for (std::size_t c = 0; c < dim; ++c) along[d * dim + j] -= h[d * dim + c] * q.at(c, j);
      own -= along[d * dim + j] * q.at(d, j);
      spread += squared(q.at(d, j));
    }
    const double curvature = surrogate.empty() ? -own / spread : surrogate[dim + d];
    double norm = 0;
    for (std::size_t j = 0; j < dim; ++j) {
      along[d * dim + j] -= curvature * q.at(d, j);
      norm += squared(along[d * dim + j]);
    }
    off.push_back(surrogate.empty() ? 0.0 : centre - surrogate[d]);
    variance.push_back(norm);
  }
  for (const LocationScale::Entry& entry : q.entries) {
    const double own = along[entry.row * dim + entry.column];
    variance.push_back(squared(entry.chain) * (squared(off[entry.row]) + variance[entry.row] + squared(own)));
  }
  return variance;
}

}  // namespace variscope::oracles
