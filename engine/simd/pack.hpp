/// The CPU's native vector of doubles, with the few operations that compilers' vector extensions lack.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "engine/tiles/batch.hpp"

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>
#define VARISCOPE_SIMD_512 1
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define VARISCOPE_SIMD_256 1
#endif

namespace variscope::simd {

#if defined(VARISCOPE_SIMD_512)
inline constexpr int kWidth = 8;
#elif defined(VARISCOPE_SIMD_256)
inline constexpr int kWidth = 4;
#else
inline constexpr int kWidth = 2;
#endif

/// Packs per lane block of a tiles::Batch.
inline constexpr int kPacksPerBlock = static_cast<int>(tiles::kLanes) / kWidth;

using Pack = double __attribute__((vector_size(kWidth * 8)));
using Mask = std::int64_t __attribute__((vector_size(kWidth * 8)));
using Words = std::uint64_t __attribute__((vector_size(kWidth * 8)));

// aligned(8): a data row starts anywhere. may_alias: the memory holds plain doubles.
using UnalignedPack = double __attribute__((vector_size(kWidth * 8), aligned(8), may_alias));

inline Pack load(const double* p) { return *reinterpret_cast<const UnalignedPack*>(p); }
inline void store(double* p, Pack v) { *reinterpret_cast<UnalignedPack*>(p) = v; }
inline Pack broadcast(double x) {
#if defined(VARISCOPE_SIMD_512)
  return _mm512_set1_pd(x);
#elif defined(VARISCOPE_SIMD_256)
  return _mm256_set1_pd(x);
#else
  return Pack{} + x;
#endif
}

/// a * b + c, rounded once. The only place where a product and a sum fuse (-ffp-contract=off elsewhere).
inline Pack fma(Pack a, Pack b, Pack c) {
#if defined(VARISCOPE_SIMD_512)
  return _mm512_fmadd_pd(a, b, c);
#elif defined(VARISCOPE_SIMD_256)
  return _mm256_fmadd_pd(a, b, c);
#else
  Pack r;
  for (int i = 0; i < kWidth; ++i) r[i] = std::fma(a[i], b[i], c[i]);
  return r;
#endif
}

/// Whether any lane of a exceeds `bound`.
inline bool any_above(Pack a, double bound) {
#if defined(VARISCOPE_SIMD_512)
  return _mm512_cmp_pd_mask(a, broadcast(bound), _CMP_GT_OQ) != 0;
#elif defined(VARISCOPE_SIMD_256)
  return _mm256_movemask_pd(_mm256_cmp_pd(a, broadcast(bound), _CMP_GT_OQ)) != 0;
#else
  return a[0] > bound || a[1] > bound;
#endif
}

/// For every lane i with a's sign bit set, in ascending order: values gets v[i], numbers gets first + i. Returns their number.
/// kWidth elements at both may be overwritten in any case. No branch depends on the lanes.
inline std::int64_t append_negative_lanes(Pack a, Pack v, std::int64_t first, double* values, std::int64_t* numbers) {
#if defined(VARISCOPE_SIMD_512)
  const __mmask8 set = _mm512_movepi64_mask(reinterpret_cast<__m512i>(a));
  const __m512i lanes = _mm512_add_epi64(_mm512_set1_epi64(first), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
  _mm512_storeu_pd(values, _mm512_maskz_compress_pd(set, v));
  _mm512_storeu_si512(numbers, _mm512_maskz_compress_epi64(set, lanes));
  return __builtin_popcount(set);
#else
  std::int64_t count = 0;
  for (int i = 0; i < kWidth; ++i) {
    values[count] = v[i];
    numbers[count] = first + i;
    count += static_cast<std::int64_t>(reinterpret_cast<Words>(a)[i] >> 63);
  }
  return count;
#endif
}

inline Pack max(Pack a, Pack b) { return a > b ? a : b; }
inline Pack min(Pack a, Pack b) { return a < b ? a : b; }
inline Pack abs(Pack a) { return reinterpret_cast<Pack>(reinterpret_cast<Words>(a) & (Words{} + 0x7fffffffffffffffULL)); }
inline Pack sqrt(Pack a) {
#if defined(VARISCOPE_SIMD_512)
  return _mm512_maskz_sqrt_pd(0xff, a);  // the unmasked form trips g++ 12's uninitialized warning
#elif defined(VARISCOPE_SIMD_256)
  return _mm256_sqrt_pd(a);
#else
  Pack r;
  for (int i = 0; i < kWidth; ++i) r[i] = std::sqrt(a[i]);
  return r;
#endif
}

/// 32 x 32 -> 64 bit products of the low halves.
inline Words multiply_low_words(Words a, Words b) {
#if defined(VARISCOPE_SIMD_512)
  return reinterpret_cast<Words>(_mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(VARISCOPE_SIMD_256)
  return reinterpret_cast<Words>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
  return (a & 0xffffffffULL) * (b & 0xffffffffULL);
#endif
}

/// Turns kWidth packs (rows) into kWidth packs (columns), in place.
inline void transpose(Pack* r) {
#if defined(VARISCOPE_SIMD_512)
  // Pairs of rows are interleaved, then quarters gathered twice: only shuffles that need no index register.
  Pack t[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    t[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
#pragma GCC unroll 2
  for (int odd = 0; odd < 2; ++odd) {
    const Pack low04 = __builtin_shufflevector(t[odd], t[odd + 2], 0, 1, 4, 5, 8, 9, 12, 13);
    const Pack low26 = __builtin_shufflevector(t[odd], t[odd + 2], 2, 3, 6, 7, 10, 11, 14, 15);
    const Pack high04 = __builtin_shufflevector(t[odd + 4], t[odd + 6], 0, 1, 4, 5, 8, 9, 12, 13);
    const Pack high26 = __builtin_shufflevector(t[odd + 4], t[odd + 6], 2, 3, 6, 7, 10, 11, 14, 15);
    r[odd] = __builtin_shufflevector(low04, high04, 0, 1, 4, 5, 8, 9, 12, 13);
    r[odd + 4] = __builtin_shufflevector(low04, high04, 2, 3, 6, 7, 10, 11, 14, 15);
    r[odd + 2] = __builtin_shufflevector(low26, high26, 0, 1, 4, 5, 8, 9, 12, 13);
    r[odd + 6] = __builtin_shufflevector(low26, high26, 2, 3, 6, 7, 10, 11, 14, 15);
  }
#elif defined(VARISCOPE_SIMD_256)
  const Pack a0 = __builtin_shufflevector(r[0], r[1], 0, 4, 2, 6);
  const Pack a1 = __builtin_shufflevector(r[0], r[1], 1, 5, 3, 7);
  const Pack a2 = __builtin_shufflevector(r[2], r[3], 0, 4, 2, 6);
  const Pack a3 = __builtin_shufflevector(r[2], r[3], 1, 5, 3, 7);
  r[0] = __builtin_shufflevector(a0, a2, 0, 1, 4, 5);
  r[1] = __builtin_shufflevector(a1, a3, 0, 1, 4, 5);
  r[2] = __builtin_shufflevector(a0, a2, 2, 3, 6, 7);
  r[3] = __builtin_shufflevector(a1, a3, 2, 3, 6, 7);
#else
  const Pack a0 = __builtin_shufflevector(r[0], r[1], 0, 2);
  r[1] = __builtin_shufflevector(r[0], r[1], 1, 3);
  r[0] = a0;
#endif
}

}  // namespace variscope::simd
