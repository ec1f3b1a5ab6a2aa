/// Logistic regression for a single column: one pass over the rows, vectorised over rows and then over coordinates.
///
/// The same chains as linear_predictor.hpp (over coordinates for x'z, over rows for the gradient and the loss), so the same bits
/// as in any batch; but each row is read once and no lane is wasted, which is what a memory-bound product needs.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>

#include "engine/models/logistic_terms.hpp"
#include "engine/models/row_chunk.hpp"
#include "engine/simd/pack.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::models::logistic {

/// x'z of kSets * kWidth rows: squares of kWidth x kWidth are transposed in registers, so that lanes are rows.
/// So many rows at once are more streams than a hardware prefetcher follows: `next`, the rows after these, are asked for by hand.
/// Reads up to the next multiple of kWidth columns, past a row's end: AlignedVector leaves room for that behind the last row.
template <int kSets>
inline void predict_transposed(const double* const* rows, const double* const* next, Index dim, const double* z, simd::Pack* eta) {
  constexpr int kW = simd::kWidth;
  simd::Pack sum[kSets] = {};
  for (Index d = 0; d < dim; d += kW) {
    for (int set = 0; set < kSets; ++set) {
      simd::Pack square[kW];
#pragma GCC unroll 8
      for (int i = 0; i < kW; ++i) {
        square[i] = simd::load(rows[set * kW + i] + d);
        __builtin_prefetch(next[set * kW + i] + d);
      }
      simd::transpose(square);
      if (d + kW <= dim) {
#pragma GCC unroll 8
        for (int i = 0; i < kW; ++i) sum[set] = simd::fma(square[i], simd::broadcast(z[d + i]), sum[set]);
      } else {
        for (int i = 0; i < dim - d; ++i) sum[set] = simd::fma(square[i], simd::broadcast(z[d + i]), sum[set]);
      }
    }
  }
  for (int set = 0; set < kSets; ++set) eta[set] = sum[set];
}

/// gradient[d] += sum over rows of x[d] residual for kPacks packs from d, rows in order.
template <int kPacks>
inline void accumulate_packs(const double* const* rows, const double* const* next, int count, Index d, const double* residual,
                             double* gradient) {
  constexpr int kW = simd::kWidth;
  simd::Pack sum[kPacks];
#pragma GCC unroll 8
  for (int j = 0; j < kPacks; ++j) sum[j] = simd::load(gradient + d + j * kW);
  for (int n = 0; n < count; ++n) {
    const simd::Pack r = simd::broadcast(residual[n]);
#pragma GCC unroll 8
    for (int j = 0; j < kPacks; ++j) __builtin_prefetch(next[n] + d + j * kW);
#pragma GCC unroll 8
    for (int j = 0; j < kPacks; ++j) sum[j] = simd::fma(simd::load(rows[n] + d + j * kW), r, sum[j]);
  }
#pragma GCC unroll 8
  for (int j = 0; j < kPacks; ++j) simd::store(gradient + d + j * kW, sum[j]);
}

/// All packs from d on; gradient is dense and has room for whole packs, what lies behind dim is never used.
template <int kPacks = 8>
inline void accumulate_dense(const double* const* rows, const double* const* next, int count, Index d, Index dim, const double* residual,
                             double* gradient) {
  constexpr int kW = simd::kWidth;
  for (; dim - d > (kPacks - 1) * kW; d += kPacks * kW) accumulate_packs<kPacks>(rows, next, count, d, residual, gradient);
  if constexpr (kPacks > 1) {
    if (d < dim) accumulate_dense<kPacks - 1>(rows, next, count, d, dim, residual, gradient);
  }
}

/// theta and out are one lane block of which lane 0 is live: coordinate d at [d * 8].
/// kAhead: how many groups of kSets * kWidth rows lie between those worked on and those asked for.
template <bool kValue, bool kGradient, int kSets, int kAhead = 1>
void single_column_by(const linear::Chunk& chunk, Index dim, const double* theta, double* out) {
  constexpr int kW = simd::kWidth;
  static_assert(kAhead * kSets * kW <= linear::kLookahead);
  constexpr Index kStride = tiles::kLanes;
  constexpr Index kStack = 1024;
  // Dense copies of the column, whole packs each: on the stack for all but very wide data.
  const Index room = (dim + kW - 1) / kW * kW;
  double stack[2 * kStack];
  std::unique_ptr<double[]> heap;
  double* z = stack;
  if (room > kStack) {
    heap = std::make_unique<double[]>(static_cast<std::size_t>(2 * room));
    z = heap.get();
  }
  double* gradient = z + room;
  for (Index d = 0; d < dim; ++d) z[d] = theta[d * kStride];
  if constexpr (kGradient) {
    for (Index d = 0; d < dim; ++d) gradient[d] = out[(1 + d) * kStride];
    for (Index d = dim; d < room; ++d) gradient[d] = 0;
  }

  // The loss is a chain over rows, the same as a lane's in Loss: scalar here.
  double linear = 0;
  double excess = 0;
  for (int first = 0; first < chunk.count; first += kSets * kW) {
    const int live = std::min(kSets * kW, chunk.count - first);
    const double* rows[kSets * kW];
    const double* next[kSets * kW];
    double sign[kSets * kW];
    for (int i = 0; i < kSets * kW; ++i) {  // dead lanes repeat the last row; nothing of theirs is used
      rows[i] = chunk.rows[first + std::min(i, live - 1)];
      sign[i] = chunk.response[first + std::min(i, live - 1)];
      next[i] = chunk.rows[std::min(first + kAhead * kSets * kW + i, chunk.known - 1)];
    }
    simd::Pack eta[kSets];
    predict_transposed<kSets>(rows, next, dim, z, eta);
    alignas(64) double residual[kSets * kW];
    alignas(64) double margin[kSets * kW];
    alignas(64) double t[kSets * kW];
    for (int set = 0; set < kSets; ++set) {
      const simd::Pack s = simd::load(sign + set * kW);
      const Terms row_terms = terms(eta[set] * s);
      if constexpr (kGradient) simd::store(residual + set * kW, s * row_terms.residual());
      if constexpr (kValue) {
        simd::store(margin + set * kW, row_terms.margin);
        simd::store(t + set * kW, row_terms.t);
      }
    }
    if constexpr (kValue) {
      for (int i = 0; i < live; ++i) {
        linear += margin[i] < 0 ? margin[i] : 0.0;
        excess = std::fma(excess, t[i], excess + t[i]);
      }
    }
    if constexpr (kGradient) accumulate_dense(rows, next, live, 0, dim, residual, gradient);
  }
  if constexpr (kValue) out[0] += Loss{simd::broadcast(linear), simd::broadcast(excess)}.log_likelihood()[0];
  if constexpr (kGradient) {
    for (Index d = 0; d < dim; ++d) out[(1 + d) * kStride] = gradient[d];
  }
}

/// The number of rows taken at once changes no bit; measured best: what keeps them and the next ones within the first-level cache, and
/// fewer where rows are picked, which come no faster for being asked for in large numbers and leave half a group empty in a small leaf;
/// but two groups ahead, since each of them takes the memory longer than a group takes the arithmetic.
template <bool kValue, bool kGradient>
void single_column(const linear::Chunk& chunk, Index dim, const double* theta, double* out) {
  if (dim <= 64) {
    single_column_by<kValue, kGradient, 4>(chunk, dim, theta, out);
  } else if (dim <= 256 && !chunk.picked) {
    single_column_by<kValue, kGradient, 2>(chunk, dim, theta, out);
  } else if (dim <= 256) {
    single_column_by<kValue, kGradient, 1, 2>(chunk, dim, theta, out);
  } else {
    single_column_by<kValue, kGradient, 1>(chunk, dim, theta, out);
  }
}

}  // namespace variscope::models::logistic
