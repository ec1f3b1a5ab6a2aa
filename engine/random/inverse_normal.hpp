/// The quantile function of the standard normal distribution: what turns uniforms into normals one by one.
#pragma once

#include "engine/index.hpp"
#include "engine/simd/pack.hpp"

namespace variscope::random {

/// z with Phi(z) = u, u in [2^-53, 1 - 2^-53] a multiple of 2^-53: relative error below 1e-15 (tests), 0 at 1/2, odd about it.
/// Wichura 1988, algorithm AS 241 (PPND16): rational functions of degree 7, in (u - 1/2)^2 where |u - 1/2| <= 0.425, and in
/// sqrt(-log(min(u, 1 - u))) in the tails.
///
/// 15 numbers of 100 lie in the tails, so that nearly every pack needs both. The tails' lanes are therefore put aside and done in packs of
/// their own: a number's arithmetic is the same in any lane and beside any neighbours.
class InverseNormal {
 public:
  /// All numbers stand at or behind `origin`.
  explicit InverseNormal(double* origin) : origin_(origin) {}

  /// Each of values[0, count) holds q and becomes the quantile of 1/2 + q, at the latest in finish(); nobody may touch it before.
  /// count: a multiple of kWidth.
  void transform(double* values, Index count);

  /// Does what was put aside.
  void finish();

 private:
  static constexpr std::int64_t kCapacity = 128;
  double* origin_;
  std::int64_t tails_ = 0;
  double tail_[kCapacity + simd::kWidth];  // q of the numbers put aside
  std::int64_t offset_[kCapacity];         // where they belong
};

/// Every one of `count` uniforms becomes its normal, in place.
void inverse_normal(double* values, Index count);

}  // namespace variscope::random
