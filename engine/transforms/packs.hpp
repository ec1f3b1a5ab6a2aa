/// Elementary functions of packs that transforms are made of: no overflow, no cancellation, the same bits in every lane.
#pragma once

#include "engine/simd/math.hpp"
#include "engine/simd/pack.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::transforms::packs {

using simd::Pack;

/// exp(x) within 2 ulp for |x| <= 708; beyond, the value at that bound, so that a positive number stays positive and finite.
inline Pack exp(Pack x) {
  const Pack clamped = simd::max(simd::broadcast(-708.0), simd::min(simd::broadcast(708.0), x));
  const Pack e = simd::exp_nonpositive(-simd::abs(clamped));
  return clamped > 0.0 ? 1.0 / e : e;
}

/// exp(x) - 1 for x <= 0, relative error of a few ulp also where x is tiny; -1 below -708.
/// As simd::exp_nonpositive, with 2^n (1 + p) - 1 taken apart as 2^n p + (2^n - 1), whose parts do not cancel.
inline Pack expm1_nonpositive(Pack x) {
  using namespace simd::detail;
  using simd::broadcast;
  using simd::fma;
  const Pack clamped = x < -708.0 ? broadcast(-708.0) : x;
  const Pack shifted = fma(clamped, broadcast(kLog2E), broadcast(kRoundingShift));
  const Pack n = shifted - kRoundingShift;
  Pack r = fma(n, broadcast(-kLn2High), clamped);
  r = fma(n, broadcast(-kLn2Low), r);
  Pack p = broadcast(1.0 / 6227020800.0);
  for (const double factorial : {479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0})
    p = fma(p, r, broadcast(1.0 / factorial));
  p = fma(r * r, p, r);
  const Pack power = from_bits((bits(shifted) << 52) + 0x3ff0000000000000ULL);
  return fma(power, p, power - 1.0);
}

/// log(1 + exp(x)), any x.
inline Pack softplus(Pack x) { return simd::max(x, Pack{}) + simd::log1p_nonnegative(simd::exp_nonpositive(-simd::abs(x))); }

/// 1 / (1 + exp(-x)): relative error of a few ulp on both sides, down to exp(-708), 0 below.
inline Pack logistic(Pack x) {
  const Pack e = simd::exp_nonpositive(-simd::abs(x));
  return (x < 0.0 ? e : simd::broadcast(1.0)) / (1.0 + e);
}

/// tanh(x), relative error of a few ulp also where x is tiny.
inline Pack tanh(Pack x) {
  const Pack e = expm1_nonpositive(-2.0 * simd::abs(x));
  const Pack t = e / (2.0 + e);
  return x > 0.0 ? -t : t;
}

/// 1 / cosh(x), relative error of a few ulp, down to 2 exp(-708), 0 below.
inline Pack sech(Pack x) {
  const Pack e = simd::exp_nonpositive(-simd::abs(x));
  return 2.0 * e / simd::fma(e, e, simd::broadcast(1.0));
}

/// log(1 / cosh(x)), any x; absolute error of a few ulp of 1 + |x|.
inline Pack log_sech(Pack x) {
  const Pack size = simd::abs(x);
  return 0.6931471805599453 - (size + simd::log1p_nonnegative(simd::exp_nonpositive(-2.0 * size)));
}

/// f(block, lane) for every pack of columns of a batch of `count` columns.
template <class F>
void for_each_pack(Index count, F&& f) {
  for (Index b = 0; b * tiles::kLanes < count; ++b) {
    for (Index lane = 0; lane < tiles::kLanes; lane += simd::kWidth) f(b, lane);
  }
}

/// A pack's numbers from row `first` of a batch on: row j is a pack at stride kLanes.
template <class T>
struct PackRows {
  T* at = nullptr;

  [[nodiscard]] Pack operator[](Index j) const { return simd::load(at + j * tiles::kLanes); }
  void set(Index j, Pack x) const { simd::store(at + j * tiles::kLanes, x); }
  void add(Index j, Pack x) const { set(j, (*this)[j] + x); }
};

inline PackRows<const double> rows(tiles::ConstBatchView batch, Index block, Index lane, Index first) {
  return {batch.block(block) + first * tiles::kLanes + lane};
}
inline PackRows<double> rows(tiles::BatchView batch, Index block, Index lane, Index first) {
  return {batch.block(block) + first * tiles::kLanes + lane};
}

}  // namespace variscope::transforms::packs
