/// Plain simulation that the oracles are checked against: estimators written out once more, one sample at a time, and z-scores.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/models/model.hpp"
#include "engine/random/stream.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::test {

/// Mean and variance over replicates, per parameter, with the standard errors of both.
struct Simulated {
  std::vector<double> mean;
  std::vector<double> mean_error;
  std::vector<double> variance;
  std::vector<double> variance_error;
};

inline Simulated summarize(const std::vector<std::vector<double>>& draws) {
  Simulated result;
  const auto count = static_cast<double>(draws.size());
  for (std::size_t p = 0; p < draws.front().size(); ++p) {
    double mean = 0;
    double second = 0;
    double fourth = 0;
    for (const auto& draw : draws) mean += draw[p] / count;
    for (const auto& draw : draws) second += (draw[p] - mean) * (draw[p] - mean) / count;
    for (const auto& draw : draws) fourth += std::pow(draw[p] - mean, 4) / count;
    result.mean.push_back(mean);
    result.mean_error.push_back(std::sqrt(second / count));
    result.variance.push_back(second * count / (count - 1.0));
    result.variance_error.push_back(std::sqrt((fourth - second * second) / count));
  }
  return result;
}

/// Independent plain noise, so that nothing is shared with the engine's streams.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  double normal() { return normal_(engine_); }
  /// In (0, 1).
  double uniform() { return (static_cast<double>(engine_()) + 0.5) / 4294967296.0; }
  /// Density w exp(-w^2 / 2).
  double rayleigh() { return std::sqrt(-2.0 * std::log(uniform())); }
  /// Density x^2 exp(-x^2 / 2) / sqrt(2 pi): the length of three normals with a random sign.
  double two_sided_maxwell() {
    const double a = normal();
    const double b = normal();
    const double c = normal();
    return (uniform() < 0.5 ? -1.0 : 1.0) * std::sqrt(a * a + b * b + c * c);
  }

 private:
  std::mt19937 engine_;
  std::normal_distribution<double> normal_;
};

/// `replicates` results of an estimator that throws its own dice.
template <class Estimate>
Simulated throw_dice(Index replicates, std::uint32_t seed, Estimate&& estimate) {
  Dice dice(seed);
  std::vector<std::vector<double>> draws;
  for (Index r = 0; r < replicates; ++r) draws.push_back(estimate(dice));
  return summarize(draws);
}

/// Largest |z| of means and variances over all parameters; where the truth is exact and constant, the deviation in units of 1e-12.
inline double largest_z(const Simulated& simulated, const std::vector<double>& mean, const std::vector<double>& variance) {
  double worst = 0;
  for (std::size_t p = 0; p < mean.size(); ++p) {
    worst = std::max(worst, std::abs(simulated.mean[p] - mean[p]) / (simulated.mean_error[p] + 1e-12));
    worst = std::max(worst, std::abs(simulated.variance[p] - variance[p]) / (simulated.variance_error[p] + 1e-12));
  }
  return worst;
}

/// `replicates` gradients of the M-sample estimator `kind`, from its definition, on a model without data.
inline Simulated simulate(const std::string& kind, const models::Model& model, std::span<const double> lambda,
                          estimators::Objective objective, Index samples, Index replicates, std::uint32_t task) {
  const auto dim = static_cast<std::size_t>(model.dim());
  const double entropy = objective == estimators::Objective::elbo ? 1.0 : 0.0;
  std::vector<std::vector<double>> draws;
  for (Index r = 0; r < replicates; ++r) {
    tiles::Batch noise(model.dim(), samples);
    tiles::Batch z(model.dim(), samples);
    for (Index i = 0; i < samples; ++i) {
      const bool mirrored = kind == "pw_antithetic" && i % 2 == 1;
      const random::Stream stream{77, random::Purpose::testing, task, static_cast<std::uint32_t>(r),
                                  static_cast<std::uint32_t>(mirrored ? i - 1 : i)};
      for (Index d = 0; d < model.dim(); ++d) {
        noise(d, i) = (mirrored ? -1.0 : 1.0) * random::normal(stream, static_cast<std::uint32_t>(d));
        z(d, i) = lambda[static_cast<std::size_t>(d)] + std::exp(lambda[dim + static_cast<std::size_t>(d)]) * noise(d, i);
      }
    }
    const tiles::Batch out = prior(model, z, kBoth);
    std::vector<double> f(static_cast<std::size_t>(samples));
    double total = 0;
    for (Index i = 0; i < samples; ++i) {
      double log_q = 0;
      for (std::size_t d = 0; d < dim; ++d) {
        const double e = noise(static_cast<Index>(d), i);
        log_q -= lambda[dim + d] + 0.5 * std::log(2.0 * std::numbers::pi) + 0.5 * e * e;
      }
      f[static_cast<std::size_t>(i)] = out(0, i) - entropy * log_q;
      total += f[static_cast<std::size_t>(i)];
    }
    std::vector<double> gradient(2 * dim, 0.0);
    for (Index i = 0; i < samples; ++i) {
      for (std::size_t p = 0; p < 2 * dim; ++p) {
        const std::size_t d = p % dim;
        const double s = std::exp(lambda[dim + d]);
        const double e = noise(static_cast<Index>(d), i);
        const double score = p < dim ? e / s : e * e - 1.0;
        const double through = p < dim ? 1.0 : s * e;
        const double slope = out(1 + static_cast<Index>(d), i);
        const double own = f[static_cast<std::size_t>(i)];
        double term = 0;
        if (kind == "sf_raw") term = own * score;
        if (kind == "sf_loo") term = (own - (total - own) / static_cast<double>(samples - 1)) * score;
        if (kind == "pw_cfe" || kind == "pw_antithetic") term = slope * through + (p < dim ? 0.0 : entropy);
        if (kind == "stl") term = (slope + e / s) * through;
        gradient[p] += term / static_cast<double>(samples);
      }
    }
    draws.push_back(std::move(gradient));
  }
  return summarize(draws);
}

}  // namespace variscope::test
