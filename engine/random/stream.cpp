/// Philox4x32-10 streams: Random123 for single numbers, the same rounds over packs for batches of normals.
#include "engine/random/stream.hpp"

#include <Random123/philox.h>

#include <algorithm>

#include "engine/random/philox_pack.hpp"
#include "engine/simd/math.hpp"

namespace variscope::random {

namespace {

using simd::Pack;
using simd::Words;

/// Box and Muller 1958: two uniforms become two independent normals.
inline void box_muller(Pack u1, Pack u2, Pack& z1, Pack& z2) {
  const Pack radius = simd::sqrt(-2.0 * simd::log_positive(u1));
  Pack s;
  Pack c;
  simd::sincos_turns(u2, s, c);
  z1 = radius * c;
  z2 = radius * s;
}

inline void normals(const PhiloxPack& counters, const PhiloxKeys& keys, Pack& z1, Pack& z2) {
  PhiloxPack c = counters;
  philox_rounds(c, keys);
  box_muller(to_uniform_pack(c.first()), to_uniform_pack(c.second()), z1, z2);
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
  normals({Words{} + c[0], Words{} + c[1], Words{} + c[2], Words{} + c[3]}, {Words{} + k[0], Words{} + k[1]}, z1, z2);
  return (lane & 1U) == 0 ? z1[0] : z2[0];
}

std::uint64_t uniform_index(const Stream& stream, std::uint32_t lane, std::uint64_t bound) {
  const auto w = philox(stream, lane / 2);
  const std::uint64_t bits =
      (lane & 1U) == 0 ? (static_cast<std::uint64_t>(w[1]) << 32) | w[0] : (static_cast<std::uint64_t>(w[3]) << 32) | w[2];
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits) * bound) >> 64);
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
      const PhiloxKeys keys(key0, key1);
      double* column = block + part * simd::kWidth;
      for (Index d = 0; d < out.dim; d += 2) {
        Pack z1;
        Pack z2;
        normals({Words{} + static_cast<std::uint64_t>(d / 2), minor, major, top}, keys, z1, z2);
        simd::store(column + d * kLanes, z1);
        if (d + 1 < out.dim) simd::store(column + (d + 1) * kLanes, z2);
      }
    }
  }
}

}  // namespace variscope::random
