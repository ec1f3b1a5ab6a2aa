/// Up to 64 data rows taken together by the kernels of models with a linear predictor.
#pragma once

#include "engine/index.hpp"

namespace variscope::models::linear {

/// Rows taken together. Fixed: values are summed chunk by chunk (decision 003), so the size is part of the arithmetic.
inline constexpr int kChunkRows = 64;

/// How many rows beyond a chunk a kernel may ask the memory for: as many as the widest takes at once.
inline constexpr int kLookahead = 32;

/// Pointers to the rows of one chunk, the response of each as the likelihood wants it, and behind them pointers to the rows that come next.
struct Chunk {
  int count = 0;
  int known = 0;        ///< pointers in `rows`, at least count
  bool picked = false;  ///< rows of a list, here and there, not a range
  const double* rows[kChunkRows + kLookahead];
  double response[kChunkRows];
  Index index[kChunkRows];  ///< global rows
};

/// Rows picked here and there are in no prefetcher's plan: ask for them before the first is needed.
inline void prefetch(const Chunk& chunk, int rows, Index dim) {
  for (int n = 0; n < rows && n < chunk.count; ++n) {
    for (Index d = 0; d < dim; d += 8) __builtin_prefetch(chunk.rows[n] + d);
  }
}

}  // namespace variscope::models::linear
