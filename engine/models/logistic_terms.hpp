/// The per-row terms of logistic regression for a pack of linear predictors, and a loss that takes one log per chunk.
#pragma once

#include "engine/index.hpp"
#include "engine/simd/math.hpp"

namespace variscope::models::logistic {

/// With margin u = (2 y - 1) x'z: log sigmoid(u) = min(u, 0) - log1p(t), t = exp(-|u|) in (0, 1].
struct Terms {
  simd::Pack margin;
  simd::Pack t;

  /// sigmoid(-u): the derivative of log sigmoid with respect to u.
  [[nodiscard]] simd::Pack residual() const {
    const simd::Pack numerator = margin >= 0.0 ? t : simd::Pack{} + 1.0;
    return numerator / (t + 1.0);
  }
  /// sigmoid(u) sigmoid(-u): minus the second derivative of log sigmoid.
  [[nodiscard]] simd::Pack slope() const { return t / ((t + 1.0) * (t + 1.0)); }
};

inline Terms terms(simd::Pack margin) { return {margin, simd::exp_nonpositive(-simd::abs(margin))}; }

/// Sum of log sigmoid over a chunk: product prod(1 + t) is kept as 1 + excess, so that t far below the rounding of 1 still counts.
struct Loss {
  simd::Pack linear{};
  simd::Pack excess{};

  void add(const Terms& terms) {
    linear = linear + simd::min(terms.margin, simd::Pack{});
    excess = simd::fma(excess, terms.t, excess + terms.t);
  }
  [[nodiscard]] simd::Pack log_likelihood() const { return linear - simd::log1p_nonnegative(excess); }
};

}  // namespace variscope::models::logistic
