/// Importance-weighted bounds: tensor products of the trapezoidal rule, one factor an importance sample.
#include "engine/oracles/importance.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "engine/oracles/evaluation.hpp"
#include "engine/oracles/quadrature.hpp"
#include "engine/oracles/refine.hpp"

namespace variscope::oracles {
namespace {

struct Sums {
  std::array<double, 2> mean{};
  std::array<double, 2> second{};
  double error = 0;
};

Sums on_grid(const models::Model& model, const LocationScale& q, std::size_t count, bool total, bool squared, double step) {
  const Rule rule = trapezoidal(step, 10.0);
  const std::size_t n = rule.size();
  const double s = q.at(0, 0);
  std::vector<double> points(n);
  for (std::size_t i = 0; i < n; ++i) points[i] = q.mean[0] + s * rule.nodes[i];
  const Density density = evaluate(model, points);
  // Per node: the weight's logarithm up to a constant, and the derivative in m and in log s.
  std::vector<double> weight(n);
  std::array<std::vector<double>, 2> derivative{std::vector<double>(n), std::vector<double>(n)};
  double highest = -1e300;
  for (std::size_t i = 0; i < n; ++i) {
    weight[i] = density.prior[2 * i] + density.likelihood[2 * i] + 0.5 * rule.nodes[i] * rule.nodes[i];
    highest = std::max(highest, weight[i]);
    const double slope = density.prior[2 * i + 1] + density.likelihood[2 * i + 1] + (total ? 0.0 : rule.nodes[i] / s);
    derivative[0][i] = slope;
    derivative[1][i] = slope * s * rule.nodes[i] + (total ? 1.0 : 0.0);
  }
  Sums sums;
  const double floor = 1e-280;
  for (double& w : weight) w = std::max(std::exp(w - highest), floor);
  std::array<std::size_t, 3> at{};
  std::size_t all = 1;
  for (std::size_t k = 0; k < count; ++k) all *= n;
  for (std::size_t node = 0; node < all; ++node) {
    std::size_t left = node;
    double probability = 1;
    double norm = 0;
    for (std::size_t k = 0; k < count; ++k, left /= n) {
      at[k] = left % n;
      probability *= rule.weights[at[k]];
      norm += weight[at[k]];
    }
    if (probability < 1e-40) continue;
    for (std::size_t p = 0; p < 2; ++p) {
      double g = 0;
      for (std::size_t k = 0; k < count; ++k) {
        const double share = weight[at[k]] / norm;
        g += (squared ? share * share : share) * derivative[p][at[k]];
      }
      sums.mean[p] += probability * g;
      sums.second[p] += probability * g * g;
    }
  }
  return sums;
}

}  // namespace

EstimatorTruth importance_truth(const std::string& estimator, const models::Model& model, const LocationScale& q,
                                Index importance_samples) {
  if (q.dim != 1 || model.dim() != 1 || importance_samples < 1 || importance_samples > 3) {
    throw std::invalid_argument("importance_truth: one dimension and one to three importance samples");
  }
  if (estimator != "iwae" && estimator != "stl_iw" && estimator != "dreg") {
    throw std::invalid_argument("importance_truth: iwae, stl_iw or dreg");
  }
  static constexpr std::array<double, 4> finest = {0.0, 1.0 / 128, 1.0 / 32, 1.0 / 8};
  const auto count = static_cast<std::size_t>(importance_samples);
  const Sums sums = refine(
      0.5, finest[count], [&](double step) { return on_grid(model, q, count, estimator == "iwae", estimator == "dreg", step); },
      [](const Sums& s) {
        return std::vector<double>{s.mean[0], s.mean[1], s.second[0], s.second[1]};
      });
  EstimatorTruth truth{{}, {}, sums.error};
  for (std::size_t p = 0; p < 2; ++p) {
    truth.mean.push_back(sums.mean[p]);
    truth.variance.push_back(std::max(0.0, sums.second[p] - sums.mean[p] * sums.mean[p]));
    truth.error = std::max(truth.error, sums.error * (1.0 + 2.0 * std::abs(sums.mean[p])));
  }
  return truth;
}

}  // namespace variscope::oracles
