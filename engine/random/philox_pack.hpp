/// Philox4x32-10 with one counter per lane of a pack: the rounds that batches of random numbers share.
#pragma once

#include "engine/simd/pack.hpp"

namespace variscope::random {

/// One Philox counter per lane, each word in the low half of a 64-bit element. What stands in the high halves does not matter.
struct PhiloxPack {
  simd::Words w0, w1, w2, w3;

  /// Words 1 and 0, and words 3 and 2, as one 64-bit number each, the first of the pair in the high half.
  [[nodiscard]] simd::Words first() const { return (w1 << 32) | (w0 & 0xffffffffULL); }
  [[nodiscard]] simd::Words second() const { return (w3 << 32) | (w2 & 0xffffffffULL); }
};

/// The keys of all ten rounds, for lanes that draw more than once.
struct PhiloxKeys {
  simd::Words round0[10], round1[10];

  PhiloxKeys(simd::Words key0, simd::Words key1) {
    for (int r = 0; r < 10; ++r) {
      round0[r] = key0;
      round1[r] = key1;
      key0 += 0x9E3779B9ULL;
      key1 += 0xBB67AE85ULL;
    }
  }
};

/// Ten rounds in place: counters become random words (Salmon et al. 2011; same bits as `philox`).
inline void philox_rounds(PhiloxPack& c, const PhiloxKeys& keys) {
  using simd::Words;
#pragma GCC unroll 10
  for (int r = 0; r < 10; ++r) {
    const Words p0 = simd::multiply_low_words(c.w0, Words{} + 0xD2511F53ULL);
    const Words p1 = simd::multiply_low_words(c.w2, Words{} + 0xCD9E8D57ULL);
    c = {(p1 >> 32) ^ c.w1 ^ keys.round0[r], p1, (p0 >> 32) ^ c.w3 ^ keys.round1[r], p0};
  }
}

namespace detail {

/// [1, 2) of 52 bits below an exponent of 0. Subtracting is exact; 2^-53 centres the lattice inside its interval.
inline simd::Pack one_to_two(simd::Words random_bits) { return reinterpret_cast<simd::Pack>((random_bits >> 12) | 0x3ff0000000000000ULL); }

}  // namespace detail

/// Doubles in (0, 1) of 64 random bits each: (52 high bits + 1/2) 2^-52. Same bits as `to_uniform`.
inline simd::Pack to_uniform_pack(simd::Words random_bits) { return detail::one_to_two(random_bits) - 1.0 + 0x1p-53; }

/// to_uniform_pack - 1/2, exactly.
inline simd::Pack to_centred_pack(simd::Words random_bits) { return detail::one_to_two(random_bits) - 1.5 + 0x1p-53; }

}  // namespace variscope::random
