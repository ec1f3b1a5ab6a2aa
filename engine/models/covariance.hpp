/// Stationary covariance functions of Gaussian processes, for packs of squared distances.
#pragma once

#include "engine/simd/math.hpp"

namespace variscope::models {

/// Of q = sum_d ((x_d - x'_d) / l_d)^2, r = sqrt(q) (Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, eqs. 4.9, 4.17):
/// exp(-q / 2); (1 + sqrt(3) r) exp(-sqrt(3) r); (1 + sqrt(5) r + 5 q / 3) exp(-sqrt(5) r).
enum class Covariance { squared_exponential, matern32, matern52 };

/// Value and derivative in q.
struct CovarianceTerms {
  simd::Pack value;
  simd::Pack slope;
};

/// q >= 0, up to 1e100. Within 4 ulp of the formulas; a lane's bits do not depend on the others.
inline CovarianceTerms covariance(Covariance kind, simd::Pack q) {
  if (kind == Covariance::squared_exponential) {
    const simd::Pack value = simd::exp_nonpositive(q * -0.5);
    return {value, value * -0.5};
  }
  if (kind == Covariance::matern32) {
    const simd::Pack a = simd::sqrt(q * 3.0);
    const simd::Pack e = simd::exp_nonpositive(-a);
    return {(a + 1.0) * e, e * -1.5};
  }
  const simd::Pack a = simd::sqrt(q * 5.0);
  const simd::Pack e = simd::exp_nonpositive(-a);
  return {(a + 1.0 + q * (5.0 / 3.0)) * e, (a + 1.0) * e * (-5.0 / 6.0)};
}

}  // namespace variscope::models
