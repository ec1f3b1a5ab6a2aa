/// Exact mean and variance of coupled measure-valued derivatives under a mean-field Gaussian.
#pragma once

#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/models/model.hpp"
#include "engine/oracles/moments.hpp"

namespace variscope::oracles {

/// One sample, 2 dim entries each: means, then log scales.
struct MeasureValuedMoments {
  std::vector<double> mean;
  std::vector<double> variance;
  double error = 0;
};

/// d/dm_d: (f(m + s W) - f(m - s W)) / (s sqrt(2 pi)), W Rayleigh (Weibull(2, sqrt 2)) along coordinate d, the same in both parts.
/// d/drho_d: f(m + s X) - f(m + s X U), X two-sided Maxwell, U uniform, so that X U is the standard normal of the negative part.
/// The other coordinates are normal and shared by both parts. f is l - log q (Entropy::sampled or own: log q of the others cancels) or
/// l with the entropy's gradient exact. By quadrature, one or two dimensions (else std::invalid_argument); mean-field q only.
/// Source: Mohamed, Rosca, Figurnov, Mnih 2020, JMLR 21(132), section 6; the couplings are theirs.
MeasureValuedMoments measure_valued_moments(const models::Model& model, const LocationScale& q, estimators::Objective objective,
                                            Entropy entropy);

/// The same variance on the Gaussian target in any dimension, with b = H (m - a), o_d = sum_{j != d} H_dj^2 s_j^2, A = [f has log q] - s^2
/// H_dd: d/dm: 4 / pi (b^2 + o) - b^2;  d/drho: s^2 (b^2 + o) + A^2.
std::vector<double> measure_valued_variance(const models::Gaussian& target, const LocationScale& q, estimators::Objective objective,
                                            Entropy entropy);

}  // namespace variscope::oracles
