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

/// Streams first, first + 1, ... of `count`, one a lane; lanes behind the last repeat it.
struct StreamPack {
  Words minor{};
  Words major{};
  Words top{};
  Words key0{};
  Words key1{};

  StreamPack(const Stream* streams, Index first, Index count) {
    for (int i = 0; i < simd::kWidth; ++i) {
      const Stream& s = streams[std::min(first + i, count - 1)];
      const auto counter = s.counter(0);
      const auto key = s.key();
      minor[i] = counter[1];
      major[i] = counter[2];
      top[i] = counter[3];
      key0[i] = key[0];
      key1[i] = key[1];
    }
  }
  [[nodiscard]] PhiloxPack at(std::uint32_t block) const { return {Words{} + static_cast<std::uint64_t>(block), minor, major, top}; }
};

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
  return to_index(bits, bound);
}

void fill_bits(const Stream& stream, std::uint32_t first, std::span<std::uint64_t> out) {
  const auto counter = stream.counter(first / 2);
  const auto key = stream.key();
  const PhiloxKeys keys(Words{} + key[0], Words{} + key[1]);
  Words block{};
  for (int i = 0; i < simd::kWidth; ++i) block[i] = counter[0] + static_cast<std::uint64_t>(i);
  for (std::size_t at = 0; at < out.size(); at += 2 * simd::kWidth, block += simd::kWidth) {
    PhiloxPack c{block, Words{} + counter[1], Words{} + counter[2], Words{} + counter[3]};
    philox_rounds(c, keys);
    const Words even = c.first();
    const Words odd = c.second();
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
      const StreamPack pack(streams, b * kLanes + part * simd::kWidth, out.count);
      const PhiloxKeys keys(pack.key0, pack.key1);
      double* column = block + part * simd::kWidth;
      for (Index d = 0; d < out.dim; d += 2) {
        Pack z1;
        Pack z2;
        normals(pack.at(static_cast<std::uint32_t>(d / 2)), keys, z1, z2);
        simd::store(column + d * kLanes, z1);
        if (d + 1 < out.dim) simd::store(column + (d + 1) * kLanes, z2);
      }
    }
  }
}

void normal_rows(const Stream* streams, Index live, const std::uint32_t* lanes, int count, double* out, Index stride) {
  for (int part = 0; part < simd::kPacksPerBlock; ++part) {
    const StreamPack pack(streams, part * simd::kWidth, live);
    const PhiloxKeys keys(pack.key0, pack.key1);
    double* column = out + part * simd::kWidth;
    for (int k = 0; k < count; ++k) {
      Pack z1;
      Pack z2;
      normals(pack.at(lanes[k] / 2), keys, z1, z2);
      const bool odd = (lanes[k] & 1U) != 0;
      simd::store(column + k * stride, odd ? z2 : z1);
      if (odd || k + 1 == count || lanes[k + 1] != lanes[k] + 1) continue;
      ++k;
      simd::store(column + k * stride, z2);
    }
  }
}

}  // namespace variscope::random
