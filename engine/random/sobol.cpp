/// Owen-scrambled Sobol points over packs: direction numbers from Boost, flips from the heap of each (net, dimension), Philox digits below.
#include "engine/random/sobol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/random/sobol.hpp>
#include <cassert>

#include "engine/error.hpp"
#include "engine/random/inverse_normal.hpp"
#include "engine/random/philox_pack.hpp"

namespace variscope::random {

namespace {

using simd::Pack;
using simd::Words;

static_assert(ScrambledSobol::kMaxDim == boost::random::default_sobol_table::max_dimension);

constexpr Index kLanes = tiles::kLanes;
constexpr int kMaxDigits = 31;
constexpr int kGroupDigits = 6;  // 64 points share all tree words: their prefixes differ in 6 digits, and a word holds 64 bits
constexpr std::uint64_t kTop = 1ULL << 63;

std::uint32_t gray(std::uint32_t i) { return i ^ (i >> 1); }

bool same_net(const Stream& a, const Stream& b) {
  return a.seed == b.seed && a.purpose == b.purpose && a.task == b.task && a.major == b.major;
}

bool same_group(const Stream& a, const Stream& b) { return same_net(a, b) && a.minor >> kGroupDigits == b.minor >> kGroupDigits; }

inline Words load_words(const std::uint64_t* p) {
  using Unaligned = std::uint64_t __attribute__((vector_size(simd::kWidth * 8), aligned(8), may_alias));
  return *reinterpret_cast<const Unaligned*>(p);
}
inline void store_words(std::uint64_t* p, Words v) {
  using Unaligned = std::uint64_t __attribute__((vector_size(simd::kWidth * 8), aligned(8), may_alias));
  *reinterpret_cast<Unaligned*>(p) = v;
}

/// What lanes need of their streams: the net's counter words and key, and the points' Gray codes as all-or-nothing masks of each bit.
struct Lanes {
  Words point, major, top;
  PhiloxKeys keys{Words{}, Words{}};
  Words bit[kMaxDigits];

  /// Lanes [first, first + kWidth) of the batch, whose last column fills the padding. Masks of `bits` bits of the Gray code.
  Lanes(const Stream* streams, Index first, Index count, int bits) {
    Words code{};
    Words key0{};
    Words key1{};
    for (int i = 0; i < simd::kWidth; ++i) {
      const Stream& s = streams[std::min(first + i, count - 1)];
      const auto counter = s.counter(0);
      const auto key = s.key();
      point[i] = counter[1];
      major[i] = counter[2];
      top[i] = counter[3];
      key0[i] = key[0];
      key1[i] = key[1];
      code[i] = gray(s.minor);
    }
    keys = PhiloxKeys(key0, key1);
    for (int c = 0; c < bits; ++c) bit[c] = -((code >> c) & 1);
  }
};

/// 128 bits of each lane's heap.
struct FlipWords {
  Words even, odd;
};

inline FlipWords flip_words(const Lanes& lanes, Words dimension, Words block) {
  PhiloxPack c{block + ScrambledSobol::kFlipBlocks, dimension, lanes.major, lanes.top};
  philox_rounds(c, lanes.keys);
  return {c.first(), c.second()};
}

/// Word of the heap that holds the flips of level `level` >= 7 below `prefix`.
inline Words deep_word(const Lanes& lanes, Words dimension, Words prefix, int level) {
  const std::uint64_t first = std::uint64_t{1} << level;
  const Words node = (prefix & (first - 1)) | first;
  const FlipWords both = flip_words(lanes, dimension, node >> 7);
  return ((node >> 6) & 1) != 0 ? both.odd : both.even;
}

/// Random bits of two dimensions, below the net's digits.
inline void digits_below(const Lanes& lanes, Index pair, Words& even, Words& odd) {
  PhiloxPack c{Words{} + (ScrambledSobol::kDigitBlocks + static_cast<std::uint64_t>(pair)), lanes.point, lanes.major, lanes.top};
  philox_rounds(c, lanes.keys);
  even = c.first();
  odd = c.second();
}

/// Flips of the levels from 6 on, those of level 6 highest. word(l): the heap word of level l.
template <class Word>
inline Words deep_flips(Words prefix, int digits, const Word& word) {
  Words flips{};
  const Words leaf = ~prefix & 63;  // shifts bit (prefix mod 64) to the top
  for (int level = digits - 1; level >= kGroupDigits; --level) flips = (flips >> 1) | ((word(level) << leaf) & kTop);
  return flips;
}

/// Flips of all levels, first digit highest, from the deep ones and the heap word of the levels below 6.
inline Words all_flips(Words prefix, Words deep, Words shallow) {
  Words flips = deep;
#pragma GCC unroll 6
  for (int level = kGroupDigits - 1; level >= 0; --level) {
    const std::uint64_t node = std::uint64_t{1} << level;
    const Words shift = (~prefix & (node - 1)) | (63 & ~(2 * node - 1));  // 63 - node - prefix mod node
    flips = (flips >> 1) | ((shallow << shift) & kTop);
  }
  return flips;
}

/// The heap word of the levels below 6, made ready for many points: all_flips in fewer operations.
struct ShallowTables {
  Words first;   // the flip of level 0, at the top
  Words middle;  // nibble p: the flips of levels 1 to 4 (lowest bit) at prefix p mod 16
  Words last;    // the heap word, whose high half is level 5

  explicit ShallowTables(Words heap) : first((heap << 62) & kTop), middle{}, last(heap) {
    for (int level = 1; level <= 4; ++level) {
      Words row = (heap >> (1 << level)) & ((std::uint64_t{1} << (1 << level)) - 1);
      for (int width = 1 << level; width < 16; width *= 2) row |= row << width;  // a level sees the prefix modulo its own size
      // Bit p to bit 4 p.
      row = (row | (row << 24)) & 0x000000ff000000ffULL;
      row = (row | (row << 12)) & 0x000f000f000f000fULL;
      row = (row | (row << 6)) & 0x0303030303030303ULL;
      row = (row | (row << 3)) & 0x1111111111111111ULL;
      middle |= row << (4 - level);
    }
  }
};

/// all_flips without that of level 0. middle, last: of ShallowTables.
inline Words flips_behind_first(Words prefix, Words deep, Words middle, Words last) {
  const Words fifth = (last << (~prefix & 31)) & kTop;
  const Words four = (middle << (~(prefix << 2) & 60)) & (15ULL << 60);
  return (((((deep >> 1) | fifth) >> 4) | four) >> 1);
}

/// 64 bits of the coordinate: `code` carries the net's digits in the high bits.
inline Words coordinate(Words code, Words flips, Words below, int digits) {
  const std::uint64_t net = ~0ULL << (64 - digits);
  return ((code ^ flips) & net) | (below >> digits);
}

// What becomes of coordinates: `number` of each pack, `rows` of whole rows of a lane block, once all their numbers stand there.
struct Uniforms {
  static Pack number(Words bits) { return to_uniform_pack(bits); }
  static void rows(const double*, Index) {}
};
struct Normals {
  InverseNormal quantile;
  static Pack number(Words bits) { return to_centred_pack(bits); }
  void rows(double* first, Index count) { quantile.transform(first, count * kLanes); }
};

}  // namespace

ScrambledSobol::ScrambledSobol(Index dim, Index points)
    : dim_(dim), points_(points), digits_(0), stride_((dim + kLanes - 1) / kLanes * kLanes) {
  if (dim < 1 || dim > kMaxDim) {
    throw UserError(
        fmt::format("scrambled Sobol points: {} dimensions (direction numbers exist for 1 to {}). Use independent draws.", dim, kMaxDim));
  }
  if (points < 1 || points > kMaxPoints) {
    throw UserError(
        fmt::format("scrambled Sobol points: a net of {} points (1 to 2^31 are possible). Use several independent nets.", points));
  }
  digits_ = std::max(kGroupDigits, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(points - 1))));
  directions_.resize(static_cast<std::size_t>(stride_ * digits_));
  boost::random::sobol sequence(static_cast<std::size_t>(dim));
  for (int c = 0; c < digits_; ++c) {
    // Point 2^(c+1) - 1 has the Gray code 2^c: its coordinates are the direction numbers of bit c. Boost's points start behind the origin.
    sequence.seed((1ULL << (c + 1)) - 2);
    for (Index d = 0; d < dim; ++d) {
      const std::uint64_t high = sequence();
      std::uint64_t low = 0;
      for (int digit = 0; digit < digits_; ++digit) low |= ((high >> (63 - digit)) & 1) << digit;
      directions_[static_cast<std::size_t>(c * stride_ + d)] = high | low;  // high has no digits behind c
    }
  }
}

std::uint64_t ScrambledSobol::unscrambled(Index point, Index d) const {
  assert(point >= 0 && point < points_ && d >= 0 && d < dim_);
  std::uint64_t code = 0;
  const std::uint32_t bits = gray(static_cast<std::uint32_t>(point));
  for (int c = 0; c < digits_; ++c) {
    if (((bits >> c) & 1U) != 0) code ^= directions_[static_cast<std::size_t>(c * stride_ + d)];
  }
  return code & (~0ULL << (64 - digits_));
}

// Blocks [first, last): all their points lie in the same 64 aligned points of one net, so a dimension's heap words serve all of them.
template <class Finish>
void ScrambledSobol::fill_same_group(const Stream* streams, Index first, Index last, tiles::BatchView out, Finish& finish) const {
  constexpr int kWidth = simd::kWidth;
  const std::uint64_t* directions = directions_.data();
  // The net and the group in every lane; lanes are dimensions here.
  Stream group = streams[first * kLanes];
  const std::uint32_t group_code = gray(group.minor) >> kGroupDigits;
  const Lanes net(&group, 0, 1, 0);
  Words iota;
  for (int i = 0; i < kWidth; ++i) iota[i] = static_cast<std::uint64_t>(i);
  alignas(64) std::uint64_t base[kWidth];
  alignas(64) std::uint64_t middle[kWidth];
  alignas(64) std::uint64_t last_level[kWidth];
  alignas(64) std::uint64_t words[kMaxDigits][kWidth];
  for (Index d0 = 0; d0 < out.dim; d0 += kWidth) {
    const Words dimension = iota + static_cast<std::uint64_t>(d0);
    Words code{};
    for (int c = kGroupDigits; c < digits_; ++c) {
      if (((group_code >> (c - kGroupDigits)) & 1U) != 0) code ^= load_words(directions + c * stride_ + d0);
    }
    const FlipWords top = flip_words(net, dimension, Words{});
    const ShallowTables shallow(top.even);
    store_words(base, code ^ shallow.first);  // the prefix stands in the low bits, untouched by it
    store_words(middle, shallow.middle);
    store_words(last_level, shallow.last);
    store_words(words[kGroupDigits], top.odd);
    for (int level = kGroupDigits + 1; level < digits_; ++level) store_words(words[level], deep_word(net, dimension, code, level));
    const int width = static_cast<int>(std::min<Index>(kWidth, out.dim - d0));
    for (Index b = first; b < last; ++b) {
      for (int part = 0; part < simd::kPacksPerBlock; ++part) {
        const Lanes lanes(streams, b * kLanes + part * kWidth, out.count, kGroupDigits);
        double* column = out.block(b) + d0 * kLanes + part * kWidth;
        const auto number = [&](int j, Words below) {
          Words prefix = Words{} + base[j];
#pragma GCC unroll 6
          for (int c = 0; c < kGroupDigits; ++c) prefix ^= lanes.bit[c] & directions[c * stride_ + d0 + j];
          const Words deep = deep_flips(prefix, digits_, [&](int level) { return Words{} + words[level][j]; });
          const Words flips = flips_behind_first(prefix, deep, Words{} + middle[j], Words{} + last_level[j]);
          simd::store(column + j * kLanes, finish.number(coordinate(prefix, flips, below, digits_)));
        };
        for (int j = 0; j < width; j += 2) {
          Words even;
          Words odd;
          digits_below(lanes, (d0 + j) / 2, even, odd);
          number(j, even);
          if (j + 1 < width) number(j + 1, odd);
        }
      }
      finish.rows(out.block(b) + d0 * kLanes, width);
    }
  }
}

// Lanes of block b have nets and points of their own: each computes its own heap words.
template <class Finish>
void ScrambledSobol::fill_mixed(const Stream* streams, Index b, tiles::BatchView out, Finish& finish) const {
  for (int part = 0; part < simd::kPacksPerBlock; ++part) {
    const Lanes lanes(streams, b * kLanes + part * simd::kWidth, out.count, digits_);
    double* column = out.block(b) + part * simd::kWidth;
    const auto number = [&](Index d, Words below) {
      Words prefix{};
      for (int c = 0; c < digits_; ++c) prefix ^= lanes.bit[c] & directions_[static_cast<std::size_t>(c * stride_ + d)];
      const Words dimension = Words{} + static_cast<std::uint64_t>(d);
      const FlipWords top = flip_words(lanes, dimension, Words{});
      const Words deep = deep_flips(
          prefix, digits_, [&](int level) { return level == kGroupDigits ? top.odd : deep_word(lanes, dimension, prefix, level); });
      const Words flips = all_flips(prefix, deep, top.even);
      simd::store(column + d * kLanes, finish.number(coordinate(prefix, flips, below, digits_)));
    };
    for (Index d = 0; d < out.dim; d += 2) {
      Words even;
      Words odd;
      digits_below(lanes, d / 2, even, odd);
      number(d, even);
      if (d + 1 < out.dim) number(d + 1, odd);
    }
  }
  finish.rows(out.block(b), out.dim);
}

template <class Finish>
void ScrambledSobol::fill(const Stream* streams, tiles::BatchView out, Finish& finish) const {
  assert(out.dim <= dim_);
  assert(std::all_of(streams, streams + out.count, [this](const Stream& s) { return s.minor < points_; }));
  const auto lies_in = [&](Index b, const Stream& group) {
    const Stream* last = streams + std::min((b + 1) * kLanes, out.count);
    return std::all_of(streams + b * kLanes, last, [&](const Stream& s) { return same_group(s, group); });
  };
  Index b = 0;
  while (b < out.blocks()) {
    const Stream& group = streams[b * kLanes];
    Index end = b;
    while (end < out.blocks() && lies_in(end, group)) ++end;
    if (end > b) {
      fill_same_group(streams, b, end, out, finish);
      b = end;
    } else {
      fill_mixed(streams, b, out, finish);
      ++b;
    }
  }
}

void ScrambledSobol::fill_uniform(const Stream* streams, tiles::BatchView out) const {
  Uniforms finish;
  fill(streams, out, finish);
}

void ScrambledSobol::fill_normal(const Stream* streams, tiles::BatchView out) const {
  Normals finish{InverseNormal(out.data)};
  fill(streams, out, finish);
  finish.quantile.finish();
}

}  // namespace variscope::random
