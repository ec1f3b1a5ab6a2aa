/// The tails of the normal quantile function, gathered into packs of their own.
#include "engine/random/inverse_normal.hpp"

#include <algorithm>

#include "engine/simd/math.hpp"

namespace variscope::random {

namespace {

using simd::broadcast;
using simd::Pack;

constexpr double kCentralNumerator[8] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                         1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                         3.3430575583588128105e4, 2.5090809287301226727e3};
constexpr double kCentralDenominator[8] = {1.0,
                                           4.2313330701600911252e1,
                                           6.8718700749205790830e2,
                                           5.3941960214247511077e3,
                                           2.1213794301586595867e4,
                                           3.9307895800092710610e4,
                                           2.8729085735721942674e4,
                                           5.2264952788528545610e3};
constexpr double kNearNumerator[8] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                      3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                      2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr double kNearDenominator[8] = {1.0,
                                        2.05319162663775882187e0,
                                        1.67638483018380384940e0,
                                        6.89767334985100004550e-1,
                                        1.48103976427480074590e-1,
                                        1.51986665636164571966e-2,
                                        5.47593808499534494600e-4,
                                        1.05075007164441684324e-9};
constexpr double kFarNumerator[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                     2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr double kFarDenominator[8] = {1.0,
                                       5.99832206555887937690e-1,
                                       1.36929880922735805310e-1,
                                       1.48753612908506148525e-2,
                                       7.86869131145613259100e-4,
                                       1.84631831751005468180e-5,
                                       1.42151175831644588870e-7,
                                       2.04426310338993978564e-15};

/// a[0] + a[1] x + ... + a[7] x^7 by Horner's rule.
inline Pack polynomial(const double (&a)[8], Pack x) {
  Pack p = broadcast(a[7]);
  for (int i = 6; i >= 0; --i) p = simd::fma(p, x, broadcast(a[i]));
  return p;
}

/// Quantiles of 1/2 + q, |q| > 0.425.
inline Pack tail_quantile(Pack q) {
  const Pack root = simd::sqrt(-simd::log_positive(0.5 - simd::abs(q)));
  const Pack near = root - 1.6;
  Pack numerator = polynomial(kNearNumerator, near);
  Pack denominator = polynomial(kNearDenominator, near);
  if (simd::any_above(root, 5.0)) [[unlikely]] {  // 2.8e-11 of all uniforms
    const Pack far = root - 5.0;
    numerator = root > 5.0 ? polynomial(kFarNumerator, far) : numerator;
    denominator = root > 5.0 ? polynomial(kFarDenominator, far) : denominator;
  }
  const Pack z = numerator / denominator;  // positive: takes the sign of q
  return simd::detail::from_bits(simd::detail::bits(z) | (simd::detail::bits(q) & 0x8000000000000000ULL));
}

}  // namespace

void InverseNormal::transform(double* values, Index count) {
  std::int64_t tails = tails_;
  for (Index i = 0; i < count; i += simd::kWidth) {
    const Pack q = simd::load(values + i);
    const Pack r = simd::fma(-q, q, broadcast(0.425 * 0.425));
    simd::store(values + i, q * polynomial(kCentralNumerator, r) / polynomial(kCentralDenominator, r));
    tails += simd::append_negative_lanes(r, q, values - origin_ + i, tail_ + tails, offset_ + tails);
    if (tails > kCapacity - simd::kWidth) {
      tails_ = tails;
      finish();
      tails = 0;
    }
  }
  tails_ = tails;
}

void InverseNormal::finish() {
  simd::store(tail_ + tails_, broadcast(0.45));  // behind the last one: any tail
  for (std::int64_t first = 0; first < tails_; first += simd::kWidth) {
    double z[simd::kWidth];
    simd::store(z, tail_quantile(simd::load(tail_ + first)));
    const std::int64_t lanes = std::min<std::int64_t>(simd::kWidth, tails_ - first);
    for (std::int64_t i = 0; i < lanes; ++i) origin_[offset_[first + i]] = z[i];
  }
  tails_ = 0;
}

void inverse_normal(double* values, Index count) {
  constexpr Index kChunk = 512;
  static_assert(kChunk % simd::kWidth == 0);
  for (Index first = 0; first < count; first += kChunk) {
    double q[kChunk] = {};  // the median fills the last pack
    const Index n = std::min(kChunk, count - first);
    for (Index i = 0; i < n; ++i) q[i] = values[first + i] - 0.5;
    InverseNormal normals(q);
    normals.transform(q, (n + simd::kWidth - 1) / simd::kWidth * simd::kWidth);
    normals.finish();
    std::copy(q, q + n, values + first);
  }
}

}  // namespace variscope::random
