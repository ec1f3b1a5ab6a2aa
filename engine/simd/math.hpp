/// exp, log, log1p, sine and cosine of packs: the same bits in every lane, on any batch width, with any libm.
#pragma once

#include "engine/simd/pack.hpp"

namespace variscope::simd {

namespace detail {

inline constexpr double kRoundingShift = 0x1.8p52;  // adding it leaves round-to-nearest integers in the low mantissa bits
inline constexpr double kLn2High = 0x1.62e42fefa3800p-1;
inline constexpr double kLn2Low = 0x1.ef35793c76730p-45;
inline constexpr double kLog2E = 0x1.71547652b82fep0;

inline Words bits(Pack x) { return reinterpret_cast<Words>(x); }
inline Pack from_bits(Words x) { return reinterpret_cast<Pack>(x); }

}  // namespace detail

/// exp(x) for x <= 0, within 1.1 ulp down to -708; 0 below. NaN stays NaN.
/// Cody-Waite reduction to |r| <= ln2 / 2, then the Taylor polynomial of degree 13 (truncation below 2^-57), Estrin's order.
inline Pack exp_nonpositive(Pack x) {
  using namespace detail;
  const Pack clamped = x < -708.0 ? broadcast(-708.0) : x;
  const Pack shifted = fma(clamped, broadcast(kLog2E), broadcast(kRoundingShift));
  const Pack n = shifted - kRoundingShift;
  Pack r = fma(n, broadcast(-kLn2High), clamped);
  r = fma(n, broadcast(-kLn2Low), r);
  const Pack r2 = r * r;
  const Pack r4 = r2 * r2;
  const Pack r8 = r4 * r4;
  const Pack p23 = fma(r, broadcast(1.0 / 6), broadcast(0.5));
  const Pack p45 = fma(r, broadcast(1.0 / 120), broadcast(1.0 / 24));
  const Pack p67 = fma(r, broadcast(1.0 / 5040), broadcast(1.0 / 720));
  const Pack p89 = fma(r, broadcast(1.0 / 362880), broadcast(1.0 / 40320));
  const Pack pab = fma(r, broadcast(1.0 / 39916800), broadcast(1.0 / 3628800));
  const Pack pcd = fma(r, broadcast(1.0 / 6227020800.0), broadcast(1.0 / 479001600.0));
  const Pack q0 = fma(r2, p45, p23);
  const Pack q1 = fma(r2, p89, p67);
  const Pack q2 = fma(r2, pcd, pab);
  const Pack tail = fma(r8, q2, fma(r4, q1, q0));
  const Pack mantissa = fma(r2, tail, r) + 1.0;
  // 2^n: the integer n sits in the low bits of `shifted`.
  const Pack power = from_bits((bits(shifted) << 52) + 0x3ff0000000000000ULL);
  const Pack result = mantissa * power;
  return x < -708.0 ? Pack{} : result;
}

/// log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)], plus k ln 2: fdlibm's log (Sun Microsystems 1993) with its seven minimax coefficients.
/// `correction` is the rounding error of 1 + f, relative; it is what makes log1p exact for tiny arguments.
inline Pack log_kernel(Pack f, Pack k, Pack correction) {
  using namespace detail;
  const Pack s = f / (f + 2.0);
  const Pack z = s * s;
  const Pack w = z * z;
  const Pack t1 =
      w * fma(w, fma(w, broadcast(1.531383769920937332e-01), broadcast(2.222219843214978396e-01)), broadcast(3.999999999940941908e-01));
  const Pack t2 =
      z * fma(w,
              fma(w, fma(w, broadcast(1.479819860511658591e-01), broadcast(1.818357216161805012e-01)), broadcast(2.857142874366239149e-01)),
              broadcast(6.666666666666735130e-01));
  const Pack half_square = 0.5 * f * f;
  const Pack low = fma(s, half_square + (t1 + t2), fma(k, broadcast(1.90821492927058770002e-10), correction));
  return fma(k, broadcast(6.93147180369123816490e-01), f - (half_square - low));
}

/// log(x) of positive normal numbers, within 1 ulp.
inline Pack log_positive(Pack x) {
  using namespace detail;
  // Shifts the mantissa so that the exponent changes at sqrt(1/2).
  const Words shifted = bits(x) + (0x3ff0000000000000ULL - 0x3fe6a09e667f3bcdULL);
  const Words exponent = shifted >> 52;
  const Words mantissa = (shifted & 0x000fffffffffffffULL) + 0x3fe6a09e667f3bcdULL;
  const Pack k = from_bits(exponent | 0x4330000000000000ULL) - 0x1.0p52 - 1023.0;
  return log_kernel(from_bits(mantissa) - 1.0, k, Pack{});
}

/// log(1 + x) for x >= 0 and finite, within 1 ulp also where x is far below the rounding of 1.
inline Pack log1p_nonnegative(Pack x) {
  using namespace detail;
  const Pack u = x + 1.0;
  const Words shifted = bits(u) + (0x3ff0000000000000ULL - 0x3fe6a09e667f3bcdULL);
  const Words exponent = shifted >> 52;
  const Words mantissa = (shifted & 0x000fffffffffffffULL) + 0x3fe6a09e667f3bcdULL;
  const Pack k = from_bits(exponent | 0x4330000000000000ULL) - 0x1.0p52 - 1023.0;
  // u = 1 + x - lost; log(1 + x) = log u + lost / u.
  const Pack lost = x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x);
  return log_kernel(from_bits(mantissa) - 1.0, k, lost / u);
}

/// sin and cos of 2 pi t for t in [0, 1]: exact reduction to an eighth of a turn, fdlibm's kernel polynomials.
inline void sincos_turns(Pack t, Pack& sine, Pack& cosine) {
  using namespace detail;
  const Pack shifted = t * 4.0 + kRoundingShift;
  const Pack quadrant = shifted - kRoundingShift;
  const Pack r = (t - quadrant * 0.25) * 6.283185307179586476925;  // |r| <= pi / 4; the subtraction is exact
  const Pack z = r * r;
  Pack s = broadcast(1.58969099521155010221e-10);
  s = fma(s, z, broadcast(-2.50507602534068634195e-08));
  s = fma(s, z, broadcast(2.75573137070700676789e-06));
  s = fma(s, z, broadcast(-1.98412698298579493134e-04));
  s = fma(s, z, broadcast(8.33333333332248946124e-03));
  s = fma(s, z, broadcast(-1.66666666666666324348e-01));
  const Pack sin_r = fma(r * z, s, r);
  Pack c = broadcast(-1.13596475577881948265e-11);
  c = fma(c, z, broadcast(2.08757232129817482790e-09));
  c = fma(c, z, broadcast(-2.75573143513906633035e-07));
  c = fma(c, z, broadcast(2.48015872894767294178e-05));
  c = fma(c, z, broadcast(-1.38888888888741095749e-03));
  c = fma(c, z, broadcast(4.16666666666666019037e-02));
  const Pack cos_r = fma(z * z, c, fma(z, broadcast(-0.5), broadcast(1.0)));
  const Words q = bits(shifted);
  const Mask swap = reinterpret_cast<Mask>((q & 1) << 63) < 0;
  const Pack a = swap ? cos_r : sin_r;
  const Pack b = swap ? sin_r : cos_r;
  // Signs by quadrant: sine is negative in 2 and 3, cosine in 1 and 2.
  sine = from_bits(bits(a) ^ ((q & 2) << 62));
  cosine = from_bits(bits(b) ^ (((q + 1) & 2) << 62));
}

}  // namespace variscope::simd
