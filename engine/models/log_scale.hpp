/// Scales on the logarithm: exp with a tangent where it would overflow, and the half-normal prior of a scale with its log |J|.
#pragma once

#include <cmath>

#include "engine/simd/math.hpp"

namespace variscope::models {

inline constexpr double kHalfLogTwoPi = 0.918938533204672741780;

/// exp and its two derivatives.
struct Exponential {
  simd::Pack value;
  simd::Pack first;
  simd::Pack second;
};

/// exp(u), continued by its tangent beyond `bound`, so that densities stay finite and their gradients point back: a scale of exp(-150) is
/// nobody's. Within 2 ulp below; NaN stays somewhere finite or NaN (padding lanes alone hold it). bound: at most 700.
inline Exponential bounded_exp(simd::Pack u, double bound = 300) {
  const simd::Pack clamped = simd::min(u, simd::broadcast(bound));
  const simd::Pack down = simd::exp_nonpositive(-simd::abs(clamped));
  const simd::Pack e = clamped > 0.0 ? 1.0 / down : down;
  const simd::Pack beyond = simd::max(u - bound, simd::Pack{});
  return {simd::fma(e, beyond, e), e, u > bound ? simd::Pack{} : e};
}

/// Value and derivatives of a log density in one coordinate.
struct LogTerms {
  simd::Pack value;
  simd::Pack first;
  simd::Pack second;
};

/// log density of l = log s for s half-normal(prior_sd): log 2 - log prior_sd - 1/2 log 2 pi - s^2 / (2 prior_sd^2) + l.
inline LogTerms half_normal_log_scale(simd::Pack l, double prior_sd) {
  const double half_precision = 0.5 / (prior_sd * prior_sd);
  const double constant = std::log(2.0) - std::log(prior_sd) - kHalfLogTwoPi;
  const Exponential square = bounded_exp(2.0 * l);
  return {(l + constant) - half_precision * square.value, 1.0 - 2.0 * half_precision * square.first, -4.0 * half_precision * square.second};
}

}  // namespace variscope::models
