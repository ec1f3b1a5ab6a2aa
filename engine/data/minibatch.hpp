/// Rows of a minibatch: drawn over the global index, sorted, the same on every rank; each rank takes those it owns.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/index.hpp"
#include "engine/random/stream.hpp"

namespace variscope::data {

enum class Replacement { without, with };

/// Memory reused between draws. One per thread.
struct MinibatchScratch {
  std::vector<std::uint64_t> words;    ///< hash table over the batch
  std::vector<std::uint64_t> bits;     ///< bit set over the rows; all zero between draws
  std::vector<std::uint64_t> summary;  ///< one bit for each word of `bits`; all zero between draws
};

/// `batch` of `rows` global rows, ascending; with replacement a row may repeat. Draw j is uniform_index at lane j, so `batch` bounded draws
/// (none if without replacement and batch == rows). Without replacement: every subset equally likely, by Floyd's algorithm.
/// Cost O(batch) plus, without replacement, either rows/4096 words scanned or a sort, whichever is less.
/// UserError if batch is negative, or exceeds rows without replacement.
/// Source: Bentley and Floyd 1987, Communications of the ACM 30(9), algorithm F2.
void draw_minibatch(const random::Stream& stream, Index rows, Index batch, Replacement replacement, MinibatchScratch& scratch,
                    std::vector<Index>& out);

/// The same, for callers that draw once.
std::vector<Index> draw_minibatch(const random::Stream& stream, Index rows, Index batch, Replacement replacement);

/// The part of an ascending list that lies in `held`: what a rank owns. O(log batch).
std::span<const Index> rows_in(std::span<const Index> sorted, Range held);

}  // namespace variscope::data
