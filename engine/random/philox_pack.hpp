/// Philox4x32-10 with one counter per lane of a pack: the rounds that batches of random numbers share.
#pragma once

#include "engine/simd/pack.hpp"

namespace variscope::random {

/// One Philox counter per lane, each word in the low half of a 64-bit element.
struct PhiloxPack {
  simd::Words w0, w1, w2, w3;
};

/// Ten rounds in place: counters become random words (Salmon et al. 2011; same bits as `philox`). Keys: low halves of 64-bit elements.
inline void philox_rounds(PhiloxPack& c, simd::Words key0, simd::Words key1) {
  using simd::Words;
  constexpr std::uint64_t kLow = 0xffffffffULL;
  for (int round = 0; round < 10; ++round) {
    if (round > 0) {
      key0 = (key0 + 0x9E3779B9ULL) & kLow;
      key1 = (key1 + 0xBB67AE85ULL) & kLow;
    }
    const Words p0 = simd::multiply_low_words(c.w0, Words{} + 0xD2511F53ULL);
    const Words p1 = simd::multiply_low_words(c.w2, Words{} + 0xCD9E8D57ULL);
    c = {(p1 >> 32) ^ c.w1 ^ key0, p1 & kLow, (p0 >> 32) ^ c.w3 ^ key1, p0 & kLow};
  }
}

/// Doubles in (0, 1) of 64 random bits each: (52 high bits + 1/2) 2^-52. Same bits as `to_uniform`.
inline simd::Pack to_uniform_pack(simd::Words random_bits) {
  // 52 bits below an exponent of 0 give [1, 2); subtracting 1 - 2^-53 is exact and centres the lattice inside (0, 1).
  const simd::Words one_to_two = (random_bits >> 12) | 0x3ff0000000000000ULL;
  return reinterpret_cast<simd::Pack>(one_to_two) - 1.0 + 0x1p-53;
}

}  // namespace variscope::random
