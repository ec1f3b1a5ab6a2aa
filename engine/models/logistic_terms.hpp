/// The per-row terms of logistic regression for a pack of linear predictors, and a loss that takes one log per chunk.
#pragma once

#include "engine/index.hpp"
#include "engine/simd/math.hpp"

namespace variscope::models::logistic {

/// Rows taken together. Fixed: the loss takes its logarithm at the end of each chunk, so the size is part of the arithmetic.
inline constexpr int kChunkRows = 64;

/// How many rows beyond a chunk a kernel may ask the memory for: as many as the widest takes at once.
inline constexpr int kLookahead = 32;

/// Pointers to the rows of one chunk, 2 y - 1 of each, and behind them pointers to the rows that will come next.
struct Chunk {
  int count = 0;
  int known = 0;        ///< pointers in `rows`, at least count
  bool picked = false;  ///< rows of a list, here and there, not a range
  const double* rows[kChunkRows + kLookahead];
  double sign[kChunkRows];
};

/// With margin u = (2 y - 1) x'z: log sigmoid(u) = min(u, 0) - log1p(t), t = exp(-|u|) in (0, 1].
struct Terms {
  simd::Pack margin;
  simd::Pack t;

  /// sigmoid(-u): the derivative of log sigmoid with respect to u.
  [[nodiscard]] simd::Pack residual() const {
    const simd::Pack numerator = margin >= 0.0 ? t : simd::Pack{} + 1.0;
    return numerator / (t + 1.0);
  }
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

/// Rows picked here and there are in no prefetcher's plan: ask for them before the first is needed.
inline void prefetch(const Chunk& chunk, int rows, Index dim) {
  for (int n = 0; n < rows && n < chunk.count; ++n) {
    for (Index d = 0; d < dim; d += 8) __builtin_prefetch(chunk.rows[n] + d);
  }
}

}  // namespace variscope::models::logistic
