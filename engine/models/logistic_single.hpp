/// Logistic regression for a single column: one pass over the rows, vectorised over rows and then over coordinates.
///
/// The same chains as linear_predictor.hpp (over coordinates for x'z, over rows for the gradient and the loss), so the same bits
/// as in any batch; but each row is read once and no lane is wasted, which is what a memory-bound product needs.
#pragma once

#include <algorithm>
#include <memory>

#include "engine/models/logistic_terms.hpp"
#include "engine/simd/pack.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::models::logistic {

/// x'z of kSets * kWidth rows: squares of kWidth x kWidth are transposed in registers, so that lanes are rows.
/// So many rows at once are more streams than a hardware prefetcher follows: `next`, the rows after these, are asked for by hand.
template <int kSets>
inline void predict_transposed(const double* const* rows, const double* const* next, Index dim, const double* z, simd::Pack* eta) {
  constexpr int kW = simd::kWidth;
  simd::Pack sum[kSets] = {};
  Index d = 0;
  for (; d + kW <= dim; d += kW) {
    for (int set = 0; set < kSets; ++set) {
      simd::Pack square[kW];
#pragma GCC unroll 8
      for (int i = 0; i < kW; ++i) {
        square[i] = simd::load(rows[set * kW + i] + d);
        __builtin_prefetch(next[set * kW + i] + d);
      }
      simd::transpose(square);
#pragma GCC unroll 8
      for (int i = 0; i < kW; ++i) sum[set] = simd::fma(square[i], simd::broadcast(z[d + i]), sum[set]);
    }
  }
  for (; d < dim; ++d) {
    for (int set = 0; set < kSets; ++set) {
      simd::Pack x;
      for (int i = 0; i < kW; ++i) x[i] = rows[set * kW + i][d];
      sum[set] = simd::fma(x, simd::broadcast(z[d]), sum[set]);
    }
  }
  for (int set = 0; set < kSets; ++set) eta[set] = sum[set];
}

/// gradient[d] += sum over rows of x[d] residual, rows in order; gradient is dense here.
inline void accumulate_dense(const double* const* rows, const double* const* next, int count, Index dim, const double* residual,
                             double* gradient) {
  constexpr int kW = simd::kWidth;
  constexpr int kDeep = 8;
  Index d = 0;
  for (; d + kDeep * kW <= dim; d += kDeep * kW) {
    simd::Pack sum[kDeep];
#pragma GCC unroll 8
    for (int j = 0; j < kDeep; ++j) sum[j] = simd::load(gradient + d + j * kW);
    for (int n = 0; n < count; ++n) {
      const simd::Pack r = simd::broadcast(residual[n]);
      for (int j = 0; j < kDeep; ++j) __builtin_prefetch(next[n] + d + j * kW);
#pragma GCC unroll 8
      for (int j = 0; j < kDeep; ++j) sum[j] = simd::fma(simd::load(rows[n] + d + j * kW), r, sum[j]);
    }
#pragma GCC unroll 8
    for (int j = 0; j < kDeep; ++j) simd::store(gradient + d + j * kW, sum[j]);
  }
  for (; d + kW <= dim; d += kW) {
    simd::Pack sum = simd::load(gradient + d);
    for (int n = 0; n < count; ++n) sum = simd::fma(simd::load(rows[n] + d), simd::broadcast(residual[n]), sum);
    simd::store(gradient + d, sum);
  }
  for (; d < dim; ++d) {
    simd::Pack sum = simd::broadcast(gradient[d]);
    for (int n = 0; n < count; ++n) sum = simd::fma(simd::broadcast(rows[n][d]), simd::broadcast(residual[n]), sum);
    gradient[d] = sum[0];
  }
}

/// theta and out are one lane block of which lane 0 is live: coordinate d at [d * 8].
template <bool kValue, bool kGradient>
void single_column(const Chunk& chunk, Index dim, const double* theta, double* out) {
  constexpr int kW = simd::kWidth;
  constexpr int kSets = 2;
  constexpr Index kStride = tiles::kLanes;
  constexpr Index kStack = 1024;
  // Dense copies of the column: on the stack for all but very wide data.
  double stack[2 * kStack];
  std::unique_ptr<double[]> heap;
  double* z = stack;
  if (dim > kStack) {
    heap = std::make_unique<double[]>(static_cast<std::size_t>(2 * dim));
    z = heap.get();
  }
  double* gradient = z + dim;
  for (Index d = 0; d < dim; ++d) z[d] = theta[d * kStride];
  if constexpr (kGradient) {
    for (Index d = 0; d < dim; ++d) gradient[d] = out[(1 + d) * kStride];
  }

  Loss loss;
  for (int first = 0; first < chunk.count; first += kSets * kW) {
    const int live = std::min(kSets * kW, chunk.count - first);
    const double* rows[kSets * kW];
    const double* next[kSets * kW];
    double sign[kSets * kW];
    for (int i = 0; i < kSets * kW; ++i) {  // dead lanes repeat the last row; nothing of theirs is used
      rows[i] = chunk.rows[first + std::min(i, live - 1)];
      sign[i] = chunk.sign[first + std::min(i, live - 1)];
      // Beyond the chunk: where the rows of a contiguous range go on; a prefetch of anything else does no harm.
      next[i] = first + kSets * kW + i < chunk.count ? chunk.rows[first + kSets * kW + i] : rows[i] + kSets * kW * dim;
    }
    simd::Pack eta[kSets];
    predict_transposed<kSets>(rows, next, dim, z, eta);
    alignas(64) double residual[kSets * kW];
    for (int set = 0; set < kSets; ++set) {
      const simd::Pack s = simd::load(sign + set * kW);
      const Terms row_terms = terms(eta[set] * s);
      if constexpr (kGradient) simd::store(residual + set * kW, s * row_terms.residual());
      if constexpr (kValue) {
        for (int i = 0; i < kW && set * kW + i < live; ++i)
          loss.add({simd::broadcast(row_terms.margin[i]), simd::broadcast(row_terms.t[i])});
      }
    }
    if constexpr (kGradient) accumulate_dense(rows, next, live, dim, residual, gradient);
  }
  if constexpr (kValue) out[0] += loss.log_likelihood()[0];
  if constexpr (kGradient) {
    for (Index d = 0; d < dim; ++d) out[(1 + d) * kStride] = gradient[d];
  }
}

}  // namespace variscope::models::logistic
