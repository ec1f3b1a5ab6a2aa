/// Register-blocked products of data rows with a batch: X Theta and X^T R, in an order of operations no blocking can change.
///
/// Every element of X Theta is one fma chain over the columns of X, from 0 upwards; every element of X^T R is one fma chain over
/// the rows in the order given, from what the output held. Lanes never mix. So the bits of a column depend neither on its lane,
/// nor on its neighbours, nor on how many rows or columns a kernel takes at once: block sizes are free to be tuned.
#pragma once

#include "engine/index.hpp"
#include "engine/simd/pack.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::models::linear {

inline constexpr int kLanes = static_cast<int>(tiles::kLanes);
/// Lane blocks taken together: 4 packs of 8, or 2 packs of 4, per row of registers.
inline constexpr int kGroup = simd::kWidth == 8 ? 4 : 1;
/// Rows (of X Theta) or columns (of X^T R) of registers; kBlocking<NB> * NB * packs per block accumulators fill the register file.
template <int NB>
inline constexpr int kBlocking = simd::kWidth == 8 ? (NB == 4 ? 6 : 8) : 6;

/// eta[i][lane] for MR rows and NB lane blocks; eta has NB * 8 doubles a row.
template <int MR, int NB>
inline void predict(const double* const* rows, Index dim, const double* theta, Index block_stride, double* eta) {
  constexpr int kPacks = NB * simd::kPacksPerBlock;
  simd::Pack sum[MR][kPacks] = {};
  const double* row[MR];
  for (int i = 0; i < MR; ++i) row[i] = rows[i];
  for (Index d = 0; d < dim; ++d) {
    simd::Pack t[kPacks];
#pragma GCC unroll 8
    for (int p = 0; p < kPacks; ++p)
      t[p] = simd::load(theta + (p / simd::kPacksPerBlock) * block_stride + d * kLanes + (p % simd::kPacksPerBlock) * simd::kWidth);
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i) {
      const simd::Pack x = simd::broadcast(row[i][d]);
#pragma GCC unroll 8
      for (int p = 0; p < kPacks; ++p) sum[i][p] = simd::fma(x, t[p], sum[i][p]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 8
    for (int p = 0; p < kPacks; ++p) simd::store(eta + i * NB * kLanes + p * simd::kWidth, sum[i][p]);
  }
}

/// gradient[d0 + j][lane] += sum over rows of X[row][d0 + j] residual[row][lane], j < DR. `gradient` points at coordinate d0.
template <int DR, int NB>
inline void accumulate(const double* const* rows, int count, Index d0, const double* residual, double* gradient, Index block_stride) {
  constexpr int kPacks = NB * simd::kPacksPerBlock;
  const auto place = [&](int j, int p) {
    return gradient + (p / simd::kPacksPerBlock) * block_stride + j * kLanes + (p % simd::kPacksPerBlock) * simd::kWidth;
  };
  simd::Pack sum[DR][kPacks];
#pragma GCC unroll 8
  for (int j = 0; j < DR; ++j) {
#pragma GCC unroll 8
    for (int p = 0; p < kPacks; ++p) sum[j][p] = simd::load(place(j, p));
  }
  for (int n = 0; n < count; ++n) {
    const double* x = rows[n] + d0;
    simd::Pack r[kPacks];
#pragma GCC unroll 8
    for (int p = 0; p < kPacks; ++p) r[p] = simd::load(residual + n * NB * kLanes + p * simd::kWidth);
#pragma GCC unroll 8
    for (int j = 0; j < DR; ++j) {
      const simd::Pack xj = simd::broadcast(x[j]);
#pragma GCC unroll 8
      for (int p = 0; p < kPacks; ++p) sum[j][p] = simd::fma(xj, r[p], sum[j][p]);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < DR; ++j) {
#pragma GCC unroll 8
    for (int p = 0; p < kPacks; ++p) simd::store(place(j, p), sum[j][p]);
  }
}

/// predict() for any number of rows.
template <int NB, int MR = kBlocking<NB>>
inline void predict_rows(const double* const* rows, int count, Index dim, const double* theta, Index block_stride, double* eta) {
  while (count >= MR) {
    predict<MR, NB>(rows, dim, theta, block_stride, eta);
    rows += MR;
    eta += MR * NB * kLanes;
    count -= MR;
  }
  if constexpr (MR > 1) {
    if (count > 0) predict_rows<NB, MR - 1>(rows, count, dim, theta, block_stride, eta);
  }
}

/// accumulate() for coordinates [d0, dim).
template <int NB, int DR = kBlocking<NB>>
inline void accumulate_columns(const double* const* rows, int count, Index d0, Index dim, const double* residual, double* gradient,
                               Index block_stride) {
  for (; dim - d0 >= DR; d0 += DR) accumulate<DR, NB>(rows, count, d0, residual, gradient + d0 * kLanes, block_stride);
  if constexpr (DR > 1) {
    if (d0 < dim) accumulate_columns<NB, DR - 1>(rows, count, d0, dim, residual, gradient, block_stride);
  }
}

}  // namespace variscope::models::linear
