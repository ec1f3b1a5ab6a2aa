/// Philox4x32-10 streams: Random123 for single numbers, the same rounds over packs for batches of normals.
#include "engine/random/stream.hpp"

#include <Random123/philox.h>

#include <algorithm>

#include "engine/simd/math.hpp"

namespace variscope::random {

namespace {

using simd::Pack;
using simd::Words;

/// One Philox counter per lane, each word in the low half of a 64-bit element.
struct Counters {
  Words w0, w1, w2, w3;
};

inline void philox_rounds(Counters& c, Words key0, Words key1) {
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

inline Pack to_uniform_pack(Words low, Words high) {
  // 52 bits below an exponent of 0 give [1, 2); subtracting 1 - 2^-53 is exact and centres the lattice inside (0, 1).
  const Words bits = (((high << 32) | low) >> 12) | 0x3ff0000000000000ULL;
  return reinterpret_cast<Pack>(bits) - 1.0 + 0x1p-53;
}

/// Box and Muller 1958: two uniforms become two independent normals.
inline void box_muller(Pack u1, Pack u2, Pack& z1, Pack& z2) {
  const Pack radius = simd::sqrt(-2.0 * simd::log_positive(u1));
  Pack s;
  Pack c;
  simd::sincos_turns(u2, s, c);
  z1 = radius * c;
  z2 = radius * s;
}

inline void normals(Words block, Words minor, Words major, Words top, Words key0, Words key1, Pack& z1, Pack& z2) {
  Counters c{block, minor, major, top};
  philox_rounds(c, key0, key1);
  box_muller(to_uniform_pack(c.w0, c.w1), to_uniform_pack(c.w2, c.w3), z1, z2);
}

}  // namespace

std::array<std::uint32_t, 4> philox(const Stream& stream, std::uint32_t block) {
  const auto counter = stream.counter(block);
  const auto key = stream.key();
  r123::Philox4x32 generator;
  const r123::Philox4x32::ctr_type c = {{counter[0], counter[1], counter[2], counter[3]}};
  const r123::Philox4x32::key_type k = {{key[0], key[1]}};
  const auto out = generator(c, k);
  return {out[0], out[1], out[2], out[3]};
}

double uniform(const Stream& stream, std::uint32_t lane) {
  const auto w = philox(stream, lane / 2);
  return (lane & 1U) == 0 ? to_uniform(w[0], w[1]) : to_uniform(w[2], w[3]);
}

double normal(const Stream& stream, std::uint32_t lane) {
  const auto c = stream.counter(lane / 2);
  const auto k = stream.key();
  Pack z1;
  Pack z2;
  normals(Words{} + c[0], Words{} + c[1], Words{} + c[2], Words{} + c[3], Words{} + k[0], Words{} + k[1], z1, z2);
  return (lane & 1U) == 0 ? z1[0] : z2[0];
}

std::uint64_t uniform_index(const Stream& stream, std::uint32_t lane, std::uint64_t bound) {
  const auto w = philox(stream, lane / 2);
  const std::uint64_t bits =
      (lane & 1U) == 0 ? (static_cast<std::uint64_t>(w[1]) << 32) | w[0] : (static_cast<std::uint64_t>(w[3]) << 32) | w[2];
  return to_index(bits, bound);
}

void fill_bits(const Stream& stream, std::uint32_t first, std::span<std::uint64_t> out) {
  const auto counter = stream.counter(first / 2);
  const auto key = stream.key();
  Words block{};
  for (int i = 0; i < simd::kWidth; ++i) block[i] = counter[0] + static_cast<std::uint64_t>(i);
  for (std::size_t at = 0; at < out.size(); at += 2 * simd::kWidth, block += simd::kWidth) {
    Counters c{block, Words{} + counter[1], Words{} + counter[2], Words{} + counter[3]};
    philox_rounds(c, Words{} + key[0], Words{} + key[1]);
    const Words even = (c.w1 << 32) | c.w0;
    const Words odd = (c.w3 << 32) | c.w2;
    for (std::size_t i = 0; i < simd::kWidth && at + 2 * i < out.size(); ++i) {
      out[at + 2 * i] = even[i];
      if (at + 2 * i + 1 < out.size()) out[at + 2 * i + 1] = odd[i];
    }
  }
}

void fill_normal(const Stream* streams, tiles::BatchView out) {
  constexpr Index kLanes = tiles::kLanes;
  for (Index b = 0; b < out.blocks(); ++b) {
    double* block = out.block(b);
    for (int part = 0; part < simd::kPacksPerBlock; ++part) {
      const Index first = b * kLanes + part * simd::kWidth;
      Words minor{};
      Words major{};
      Words top{};
      Words key0{};
      Words key1{};
      for (int i = 0; i < simd::kWidth; ++i) {
        const Stream& s = streams[std::min(first + i, out.count - 1)];  // padding lanes repeat the last column
        const auto counter = s.counter(0);
        const auto key = s.key();
        minor[i] = counter[1];
        major[i] = counter[2];
        top[i] = counter[3];
        key0[i] = key[0];
        key1[i] = key[1];
      }
      double* column = block + part * simd::kWidth;
      for (Index d = 0; d < out.dim; d += 2) {
        Pack z1;
        Pack z2;
        normals(Words{} + static_cast<std::uint64_t>(d / 2), minor, major, top, key0, key1, z1, z2);
        simd::store(column + d * kLanes, z1);
        if (d + 1 < out.dim) simd::store(column + (d + 1) * kLanes, z2);
      }
    }
  }
}

}  // namespace variscope::random
