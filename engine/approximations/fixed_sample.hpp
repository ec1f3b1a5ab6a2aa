/// Deterministic ADVI: the ELBO of one fixed sample, maximised by L-BFGS, with linear-response covariances.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/approximations/density.hpp"
#include "engine/dense.hpp"

namespace variscope::approximations {

/// Mean-field q, lambda = (mean, log scale): (1/M) sum_j log p(mean + scale eps_j) + sum log scale + dim/2 (1 + log 2 pi), a deterministic
/// function of lambda whose maximum is a sample average approximation of the ELBO's.
/// Source: Giordano, Ingram, Broderick 2024, JMLR 25(18) (DADVI).
class FixedSample {
 public:
  /// noise: dim x M standard normals, M >= 1. The density must outlive it.
  FixedSample(const Density& density, tiles::Batch noise);
  /// M draws of Purpose::optimum_noise (minor: the sample).
  FixedSample(const Density& density, Index samples, std::uint64_t seed);

  /// The objective at lambda (2 dim entries); gradient becomes its gradient. M gradient evaluations in one batch.
  double value_and_gradient(std::span<const double> lambda, std::span<double> gradient) const;

  /// From `start`, 2 dim entries.
  [[nodiscard]] optimizers::Maximum maximise(std::vector<double> start, int most = 2000,
                                             optimizers::Search search = optimizers::Search::lbfgs) const;

  /// The mean's block of the inverse of minus the objective's Hessian at its maximum: covariances that a mean-field q itself misses
  /// (Giordano, Broderick, Jordan 2018, JMLR 19(51)); for normal targets nearly their covariance. 4 dim evaluations of the objective
  /// (central differences of its gradient). Empty where the Hessian is not negative definite.
  [[nodiscard]] dense::Matrix linear_response(std::span<const double> lambda) const;

  /// Standard error of the maximum from the draws alone, delta method: H^-1 V H^-1 / M, V the covariance of one draw's gradient
  /// (DADVI's frequentist error). 2 dim entries; NaN where the Hessian is not negative definite.
  [[nodiscard]] std::vector<double> sampling_error(std::span<const double> lambda) const;

 private:
  /// Column j of `out` (1 + 2 dim rows): value and gradient of draw j, without the entropy.
  void draws(std::span<const double> lambda, tiles::Batch& out) const;
  [[nodiscard]] dense::Matrix negative_hessian(std::span<const double> lambda) const;

  const Density& density_;
  tiles::Batch noise_;
};

}  // namespace variscope::approximations
