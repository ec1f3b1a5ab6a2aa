/// Floyd's algorithm over a bit set or a hash table, whichever is cheaper; both give the same rows.
#include "engine/data/minibatch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "engine/error.hpp"

namespace variscope::data {
namespace {

/// Measured on one AMD EPYC core, batches of 64 to 5000: a bit set over this many rows costs as much as hashing and sorting one index.
constexpr Index kRowsScannedPerDraw = 262144;
/// 16 MiB of bits: a thread's scratch stays small on any table.
constexpr Index kMostRowsInBits = Index{1} << 27;
/// Draws whose random bits are made together.
constexpr Index kDrawsTogether = 128;

/// Bits over the rows and a bit over each word of them, so that only words that hold a row are read and cleared again.
class BitSet {
 public:
  BitSet(MinibatchScratch& scratch, Index rows) : bits_(scratch.bits), summary_(scratch.summary) {
    const auto words = static_cast<std::size_t>((rows + 63) / 64);
    if (bits_.size() < words) bits_.resize(words, 0);
    used_ = (words + 63) / 64;
    if (summary_.size() < used_) summary_.resize(used_, 0);
  }
  /// Marks a row; false if it was marked before.
  bool insert(Index row) {
    std::uint64_t& word = bits_[static_cast<std::size_t>(row >> 6)];
    const std::uint64_t bit = std::uint64_t{1} << (row & 63);
    const bool is_new = (word & bit) == 0;
    word |= bit;
    summary_[static_cast<std::size_t>(row >> 12)] |= std::uint64_t{1} << ((row >> 6) & 63);
    return is_new;
  }
  /// Moves the rows out, ascending: the set is empty afterwards. out has room for them.
  void take(std::vector<Index>& out) {
    auto next = out.begin();
    for (std::size_t s = 0; s < used_; ++s) {
      for (std::uint64_t full = summary_[s]; full != 0; full &= full - 1) {
        const std::size_t w = s * 64 + static_cast<std::size_t>(std::countr_zero(full));
        for (std::uint64_t left = bits_[w]; left != 0; left &= left - 1) *next++ = static_cast<Index>(w * 64) + std::countr_zero(left);
        bits_[w] = 0;
      }
      summary_[s] = 0;
    }
  }

 private:
  std::vector<std::uint64_t>& bits_;
  std::vector<std::uint64_t>& summary_;
  std::size_t used_ = 0;
};

/// Open addressing with linear probing, at most half full. An entry is row + 1; 0 is free.
class HashSet {
 public:
  HashSet(std::vector<std::uint64_t>& words, Index batch) : words_(words) {
    const std::uint64_t size = std::bit_ceil(static_cast<std::uint64_t>(2 * batch + 2));
    words_.assign(size, 0);
    shift_ = 64 - std::countr_zero(size);
  }
  bool insert(Index row) {
    const std::uint64_t entry = static_cast<std::uint64_t>(row) + 1;
    const std::uint64_t mask = words_.size() - 1;
    // Fibonacci hashing: the golden ratio spreads runs of neighbouring rows.
    for (std::uint64_t at = (entry * 0x9E3779B97F4A7C15ULL) >> shift_;; at = (at + 1) & mask) {
      if (words_[at] == entry) return false;
      if (words_[at] == 0) {
        words_[at] = entry;
        return true;
      }
    }
  }
  void take(std::vector<Index>& out) const {
    auto next = out.begin();
    for (const std::uint64_t entry : words_) {
      if (entry != 0) *next++ = static_cast<Index>(entry - 1);
    }
    std::sort(out.begin(), out.end());
  }

 private:
  std::vector<std::uint64_t>& words_;
  int shift_ = 0;
};

/// Calls draw(k, bits of lane k) for k = 0 .. batch - 1.
template <class Draw>
void for_each_draw(const random::Stream& stream, Index batch, Draw&& draw) {
  std::array<std::uint64_t, kDrawsTogether> bits;
  for (Index first = 0; first < batch; first += kDrawsTogether) {
    const auto count = static_cast<std::size_t>(std::min(kDrawsTogether, batch - first));
    random::fill_bits(stream, static_cast<std::uint32_t>(first), std::span(bits).first(count));
    for (std::size_t i = 0; i < count; ++i) draw(first + static_cast<Index>(i), bits[i]);
  }
}

/// Floyd: for j = N - B .. N - 1 take a uniform t in [0, j], or j itself if t is taken already.
template <class Set>
void draw_subset(const random::Stream& stream, Index rows, Index batch, Set set, std::vector<Index>& out) {
  for_each_draw(stream, batch, [&](Index k, std::uint64_t bits) {
    const Index j = rows - batch + k;
    if (!set.insert(static_cast<Index>(random::to_index(bits, static_cast<std::uint64_t>(j) + 1)))) set.insert(j);
  });
  set.take(out);
}

void check_batch(Index rows, Index batch, Replacement replacement) {
  if (batch < 0) throw UserError(fmt::format("batch_rows: {} is negative (a number of rows). Use 0 for all rows.", batch));
  if (batch > 0 && rows == 0) throw UserError(fmt::format("batch_rows: {} rows of none (the model has no data). Use 0.", batch));
  if (replacement == Replacement::without && batch > rows) {
    throw UserError(
        fmt::format("batch_rows: {} of {} rows (drawn without replacement). Use at most {}, or 0 for all rows.", batch, rows, rows));
  }
  if (batch > Index{0xffffffff}) {
    throw UserError(
        fmt::format("batch_rows: {} is too many (at most {} draws per stream). Use a smaller batch.", batch, Index{0xffffffff}));
  }
}

}  // namespace

void draw_minibatch(const random::Stream& stream, Index rows, Index batch, Replacement replacement, MinibatchScratch& scratch,
                    std::vector<Index>& out) {
  check_batch(rows, batch, replacement);
  out.resize(static_cast<std::size_t>(batch));
  if (replacement == Replacement::with) {
    for_each_draw(stream, batch, [&](Index k, std::uint64_t bits) {
      out[static_cast<std::size_t>(k)] = static_cast<Index>(random::to_index(bits, static_cast<std::uint64_t>(rows)));
    });
    std::sort(out.begin(), out.end());
  } else if (batch == rows) {
    std::iota(out.begin(), out.end(), Index{0});
  } else if (rows / kRowsScannedPerDraw <= batch && rows <= kMostRowsInBits) {
    draw_subset(stream, rows, batch, BitSet(scratch, rows), out);
  } else {
    draw_subset(stream, rows, batch, HashSet(scratch.words, batch), out);
  }
}

std::vector<Index> draw_minibatch(const random::Stream& stream, Index rows, Index batch, Replacement replacement) {
  MinibatchScratch scratch;
  std::vector<Index> out;
  draw_minibatch(stream, rows, batch, replacement, scratch, out);
  return out;
}

std::span<const Index> rows_in(std::span<const Index> sorted, Range held) {
  const auto first = std::lower_bound(sorted.begin(), sorted.end(), held.first);
  const auto last = std::lower_bound(first, sorted.end(), held.last);
  return {first, last};
}

}  // namespace variscope::data
