/// exp of either sign, and differences of log gamma and of its derivative, of packs: the same bits in every lane.
#pragma once

#include "engine/simd/math.hpp"

namespace variscope::simd {

/// exp(x), within 1.1 ulp from -708 to 709; 0 below, exp(709) = 8.2e307 above. NaN stays NaN.
/// The reduction and the polynomial of exp_nonpositive hold for either sign, as long as 2^n is a normal number.
inline Pack exp_bounded(Pack x) { return exp_nonpositive(x > 709.0 ? broadcast(709.0) : x); }

/// log Gamma(x + y) - log Gamma(x) and its derivative in x, digamma(x + y) - digamma(x).
struct GammaRatio {
  Pack log;
  Pack slope;
};

/// For x > 0 and y >= 0 with x from 1e-43 to 1e43 and y up to 1e15. Relative errors below 1e-13 of the larger of the result and y
/// (tests). x is moved up by 8 with the recurrence; there the Stirling series of NIST DLMF 5.11.1 and 5.11.2 with eight terms leave 1e-16,
/// and their leading parts are subtracted by hand, so that nothing cancels where y is far below x.
inline GammaRatio gamma_ratio(Pack x, Pack y) {
  constexpr double kLog[8] = {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360.0, 1.0 / 156, -3617.0 / 122400.0};
  constexpr double kSlope[8] = {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760.0, 1.0 / 12, -3617.0 / 8160.0};
  // Gamma(x + y) / Gamma(x) = Gamma(x + y + 8) / Gamma(x + 8) prod_j (x + j) / (x + y + j); two halves, against overflow.
  Pack ratio = broadcast(1.0);
  Pack steps{};  // sum_j 1 / (x + j) - 1 / (x + y + j)
  for (int half = 0; half < 2; ++half) {
    Pack above = broadcast(1.0);
    Pack below = broadcast(1.0);
    for (int j = 4 * half; j < 4 * half + 4; ++j) {
      const Pack a = x + static_cast<double>(j);
      const Pack b = (x + y) + static_cast<double>(j);
      above = above * a;
      below = below * b;
      steps = steps + (y / a) / b;
    }
    ratio = ratio * (above / below);
  }
  const Pack low = x + 8.0;
  const Pack high = low + y;
  const auto tails = [&](Pack at, Pack& log, Pack& slope) {
    const Pack inverse = 1.0 / at;
    const Pack square = inverse * inverse;
    log = broadcast(kLog[7]);
    slope = broadcast(kSlope[7]);
    for (int k = 6; k >= 0; --k) {
      log = fma(log, square, broadcast(kLog[k]));
      slope = fma(slope, square, broadcast(kSlope[k]));
    }
    log = log * inverse;
    slope = slope * square;
  };
  Pack log_low;
  Pack slope_low;
  Pack log_high;
  Pack slope_high;
  tails(low, log_low, slope_low);
  tails(high, log_high, slope_high);
  const Pack relative = log1p_nonnegative(y / low);
  GammaRatio result;
  result.log = fma(high - 0.5, relative, y * (log_positive(low) - 1.0)) + (log_high - log_low) + log_positive(ratio);
  result.slope = relative + 0.5 * (y / low) / high + (slope_low - slope_high) + steps;
  return result;
}

/// trigamma(x + y) - trigamma(x), the derivative of GammaRatio::slope, for the same x and y; relative error below 1e-12. The same
/// recurrence; then NIST DLMF 5.15.8 with eight terms, whose leading parts are subtracted by hand.
inline Pack gamma_ratio_curvature(Pack x, Pack y) {
  constexpr double kTerms[8] = {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730.0, 7.0 / 6, -3617.0 / 510.0};
  Pack steps{};  // sum_j 1 / (x + y + j)^2 - 1 / (x + j)^2 = -y (2 (x + j) + y) / ((x + j) (x + y + j))^2
  for (int j = 0; j < 8; ++j) {
    const Pack a = x + static_cast<double>(j);
    const Pack b = (x + y) + static_cast<double>(j);
    steps = steps - (y / a) / b * (1.0 / a + 1.0 / b);
  }
  const Pack low = x + 8.0;
  const Pack high = low + y;
  const auto tail = [&](Pack at) {
    const Pack inverse = 1.0 / at;
    const Pack square = inverse * inverse;
    Pack sum = broadcast(kTerms[7]);
    for (int k = 6; k >= 0; --k) sum = fma(sum, square, broadcast(kTerms[k]));
    return sum * square * inverse;
  };
  const Pack ratio = (y / low) / high;
  return steps - ratio * (1.0 + 0.5 * (1.0 / low + 1.0 / high)) + (tail(high) - tail(low));
}

}  // namespace variscope::simd
