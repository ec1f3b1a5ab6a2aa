/// tanh and softplus of packs by a table of sixteenths of a power of two: the same bits in every lane, on any batch width.
#pragma once

#include <bit>
#include <cstdint>

#include "engine/simd/math.hpp"

namespace variscope::simd {

namespace detail {

struct alignas(64) Powers {
  double of[16];
};

/// powers[j] with its bits less j 2^48.
constexpr Powers lowered(Powers powers) {
  for (std::uint64_t j = 0; j < 16; ++j) powers.of[j] = std::bit_cast<double>(std::bit_cast<std::uint64_t>(powers.of[j]) - (j << 48));
  return powers;
}

/// Entry `index` mod 16 of sixteen doubles, lane by lane.
inline Pack lookup16(const double* table, Words index) {
#if defined(VARISCOPE_SIMD_512)
  return _mm512_permutex2var_pd(load(table), reinterpret_cast<__m512i>(index), load(table + 8));
#else
  Pack entry;
  for (int i = 0; i < kWidth; ++i) entry[i] = table[index[i] & 15];
  return entry;
#endif
}

/// 2^(-j / 16), rounded.
alignas(64) inline constexpr double kPowers[16] = {0x1.0000000000000p+0, 0x1.ea4afa2a490dap-1, 0x1.d5818dcfba487p-1, 0x1.c199bdd85529cp-1,
                                                   0x1.ae89f995ad3adp-1, 0x1.9c49182a3f090p-1, 0x1.8ace5422aa0dbp-1, 0x1.7a11473eb0187p-1,
                                                   0x1.6a09e667f3bcdp-1, 0x1.5ab07dd485429p-1, 0x1.4bfdad5362a27p-1, 0x1.3dea64c123422p-1,
                                                   0x1.306fe0a31b715p-1, 0x1.2387a6e756238p-1, 0x1.172b83c7d517bp-1, 0x1.0b5586cf9890fp-1};

/// 2^(j / 16), rounded, lowered: adding m 2^48 to the bits, m = 16 q + j, gives 2^(m / 16), for either sign of m. The rounding of entries 1
/// to 15 is all that keeps tanh from being as exact, relatively, above ln2 / 64 as it is below.
inline constexpr Powers kRaised = lowered({0x1.0000000000000p+0, 0x1.0b5586cf9890fp+0, 0x1.172b83c7d517bp+0, 0x1.2387a6e756238p+0,
                                           0x1.306fe0a31b715p+0, 0x1.3dea64c123422p+0, 0x1.4bfdad5362a27p+0, 0x1.5ab07dd485429p+0,
                                           0x1.6a09e667f3bcdp+0, 0x1.7a11473eb0187p+0, 0x1.8ace5422aa0dbp+0, 0x1.9c49182a3f090p+0,
                                           0x1.ae89f995ad3adp+0, 0x1.c199bdd85529cp+0, 0x1.d5818dcfba487p+0, 0x1.ea4afa2a490dap+0});

/// 1 / (1 + j / 15), rounded, and minus the logarithm of what that rounding left.
alignas(64) inline constexpr double kInverses[16] = {
    0x1.0000000000000p+0, 0x1.e000000000000p-1, 0x1.c3c3c3c3c3c3cp-1, 0x1.aaaaaaaaaaaabp-1, 0x1.9435e50d79436p-1, 0x1.8000000000000p-1,
    0x1.6db6db6db6db7p-1, 0x1.5d1745d1745d1p-1, 0x1.4de9bd37a6f4ep-1, 0x1.4000000000000p-1, 0x1.3333333333333p-1, 0x1.2762762762762p-1,
    0x1.1c71c71c71c72p-1, 0x1.1249249249249p-1, 0x1.08d3dcb08d3ddp-1, 0x1.0000000000000p-1};
alignas(64) inline constexpr double kLogs[16] = {0x0.0000000000000p+0, 0x1.08598b59e3a07p-4, 0x1.005588ad375aep-3, 0x1.7565011e49675p-3,
                                                 0x1.e41fccb76b0d7p-3, 0x1.269621134db92p-2, 0x1.588c2d913348fp-2, 0x1.882f1ef83ed45p-2,
                                                 0x1.b5b3e24235e88p-2, 0x1.e148a1a2726cep-2, 0x1.058aefa811452p-1, 0x1.199fac68b4ab8p-1,
                                                 0x1.2cf25fad8f1c3p-1, 0x1.3f91275240811p-1, 0x1.5188a4a02d7fep-1, 0x1.62e42fefa39efp-1};

/// 2^(-m / 16) for whole m from 0 to 16352; shifted: m + kRoundingShift, so that m sits in the low bits.
inline Pack negative_power(Pack shifted) {
  const Words m = bits(shifted);
  // m = 16 q + j: the lookup sees j alone, and 2^-q goes into the exponent.
  return from_bits(bits(lookup16(kPowers, m)) - ((m >> 4) << 52));
}

/// The smaller one; NaN if x is.
inline Pack at_most(Pack x, double bound) {
#if defined(VARISCOPE_SIMD_512)
  return _mm512_maskz_min_pd(0xff, broadcast(bound), x);  // the unmasked form trips g++ 12's uninitialized warning
#else
  return x > bound ? broadcast(bound) : x;
#endif
}

/// The larger one; NaN if x is.
inline Pack at_least(Pack x, double bound) {
#if defined(VARISCOPE_SIMD_512)
  return _mm512_maskz_max_pd(0xff, broadcast(bound), x);
#else
  return x < bound ? broadcast(bound) : x;
#endif
}

}  // namespace detail

/// Packs that are worked on in lockstep: a single one waits for its own chain of operations most of the time.
inline constexpr int kTogether = 8;

/// What tanh_scaled_all() wants its argument multiplied by: 32 / ln2.
inline constexpr double kTanhScale = 0x1.71547652b82fep+5;

/// x = kTanhScale y becomes tanh(y), N packs in lockstep: within 4e-16, and within 5e-15 of itself; +-1 beyond |y| = 20. NaN stays NaN.
/// Seven products or fused products and one division each: whoever computes y by products can have it scaled for nothing.
/// With x = m + h, m whole: exp(2 y) = T (1 + g) / (1 - g), where T = 2^(m / 16) is looked up and g = tanh(h ln2 / 32), |h| <= 1/2, is a
/// polynomial within 4e-20 of itself. So tanh y = ((T - 1) + (T + 1) g) / ((T + 1) + (T - 1) g), and near 0, where T = 1, it is g.
template <int N>
inline void tanh_scaled_all(Pack* x) {
  using namespace detail;
  Pack below[N];  // 1 - T: in this order a zero keeps its sign
  Pack above[N];  // 1 + T
  Pack g[N];
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) {
    const Pack y = at_least(at_most(x[i], 924.0), -924.0);
    const Pack shifted = y + kRoundingShift;
    const Words m = bits(shifted);
    const Pack power = from_bits(bits(lookup16(kRaised.of, m)) + (m << 48));
    below[i] = 1.0 - power;
    above[i] = 1.0 + power;
    g[i] = y - (shifted - kRoundingShift);
  }
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) {
    const Pack square = g[i] * g[i];
    Pack q = fma(square, broadcast(-0x1.0fddbfe495e6cp-43), broadcast(0x1.5d87fe681a46cp-31));
    q = fma(square, q, broadcast(-0x1.c6b08d7049fecp-19));
    q = fma(square, q, broadcast(0x1.62e42fefa39efp-6));
    g[i] = g[i] * q;
  }
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) x[i] = fma(above[i], g[i], -below[i]) / fma(-below[i], g[i], above[i]);
}

/// z becomes softplus(z) = log(1 + exp z), and slope its derivative 1 / (1 + exp(-z)) unless it is nullptr; N packs in lockstep. Both
/// within 3 ulp for z >= -708; below, the value is 0. NaN stays NaN. One exp and one log1p of 22 products or fused products together; the
/// slope costs a division.
/// t = exp(-|z|): reduction to sixteenths of ln 2, a power by table, a polynomial of degree 6 (relative error 3e-17 on |r| <= ln2 / 32).
/// log1p(t) = -log c + log1p(f), f = c (1 + t) - 1 with c about 1 / (1 + t) by table, |f| <= 1/30, a polynomial of degree 9 (4e-17).
template <int N>
inline void softplus_all(Pack* z, Pack* slope) {
  using namespace detail;
  Pack t[N];
  Pack r[N];
  Pack q[N];
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) {
    r[i] = at_most(abs(z[i]), 708.0);
    t[i] = fma(r[i], broadcast(0x1.71547652b82fep+4), broadcast(kRoundingShift));  // 16 / ln2
  }
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) {
    const Pack m = t[i] - kRoundingShift;
    r[i] = fma(m, broadcast(0x1.473de6af278edp-38), fma(m, broadcast(0x1.62e42fef00000p-5), -r[i]));
    t[i] = negative_power(t[i]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) {
    const Pack r2 = r[i] * r[i];
    const Pack q01 = fma(r[i], broadcast(0x1.55555554dd44dp-3), broadcast(0.5));
    const Pack q23 = fma(r[i], broadcast(0x1.11120af701debp-7), broadcast(0x1.55555555194d2p-5));
    q[i] = fma(r2, fma(r2, broadcast(0x1.6c17bb51f236dp-10), q23), q01);
    q[i] = fma(r2, q[i], r[i]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) {
    const Pack positive = fma(t[i], q[i], t[i]);
    t[i] = abs(z[i]) > 708.0 ? Pack{} : positive;
  }
  if (slope != nullptr) {
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) slope[i] = (z[i] < 0.0 ? t[i] : broadcast(1.0)) / (1.0 + t[i]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) {
    r[i] = fma(t[i], broadcast(15.0), broadcast(kRoundingShift));
    const Pack c = lookup16(kInverses, bits(r[i]));
    q[i] = lookup16(kLogs, bits(r[i]));
    r[i] = fma(t[i], c, c - 1.0);  // c - 1 is exact
  }
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) {
    const Pack f = r[i];
    const Pack f2 = f * f;
    const Pack p01 = fma(f, broadcast(0x1.5555555555542p-2), broadcast(-0x1.fffffffffffebp-2));
    const Pack p23 = fma(f, broadcast(0x1.9999999aac55cp-3), broadcast(-0x1.0000000097199p-2));
    const Pack p45 = fma(f, broadcast(0x1.2492364803866p-3), broadcast(-0x1.555540960e60ap-3));
    const Pack p67 = fma(f, broadcast(0x1.c7f08d58cfe55p-4), broadcast(-0x1.0074a82d7cd81p-3));
    const Pack p = fma(f2 * f2, fma(f2, p67, p45), fma(f2, p23, p01));
    z[i] = max(z[i], Pack{}) + (q[i] + fma(f2, p, f));
  }
}

/// Single packs, for callers that have no more.
inline Pack tanh(Pack x) {
  x = x * kTanhScale;
  tanh_scaled_all<1>(&x);
  return x;
}
struct Softplus {
  Pack value;
  Pack slope;
};
inline Softplus softplus(Pack z) {
  Softplus both{z, {}};
  softplus_all<1>(&both.value, &both.slope);
  return both;
}

}  // namespace variscope::simd
