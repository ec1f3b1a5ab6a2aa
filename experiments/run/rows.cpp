/// Row policies on top of Floyd's algorithm.
#include "experiments/run/rows.hpp"

#include <algorithm>
#include <numeric>

namespace variscope::experiments {

namespace {

/// Minors of the row sets of crossed designs within shards.
constexpr std::uint32_t kShardDesigns = 0x80000000U;

/// Deals `drawn` out in random order: sets of batch_rows each, sorted. Keys are 64 random bits per row, ties broken by place.
void deal(const random::Stream& stream, Index batch_rows, RowScratch& scratch, Index skip, std::vector<std::vector<Index>>& sets) {
  auto& order = scratch.order;
  order.resize(scratch.drawn.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = {random::uniform_index(stream, static_cast<std::uint32_t>(i), ~std::uint64_t{0}), scratch.drawn[i]};
  }
  std::sort(order.begin(), order.end());
  auto from = order.begin() + skip;
  for (auto& set : sets) {
    set.clear();
    for (Index k = 0; k < batch_rows; ++k) set.push_back((from++)->second);
    std::sort(set.begin(), set.end());
  }
}

}  // namespace

void draw_row_sets(const random::Stream& stream, Index rows, Index batch_rows, const Design& design, RowScratch& scratch,
                   std::vector<std::vector<Index>>& sets) {
  sets.resize(static_cast<std::size_t>(design.row_sets));
  random::Stream of_set = stream;
  switch (design.rows) {
    case RowPolicy::without_replacement:
    case RowPolicy::with_replacement: {
      const auto how = design.rows == RowPolicy::with_replacement ? data::Replacement::with : data::Replacement::without;
      for (std::size_t r = 0; r < sets.size(); ++r) {
        of_set.minor = static_cast<std::uint32_t>(r);
        data::draw_minibatch(of_set, rows, batch_rows, how, scratch.minibatch, sets[r]);
      }
      return;
    }
    case RowPolicy::shards:
      for (std::size_t r = 0; r < sets.size(); ++r) {
        const Range shard = balanced_range(rows, design.shards(), static_cast<Index>(r) / design.sets_per_shard);
        // Crossed designs of all rows have the same call, and minors from 0 on.
        of_set.minor = static_cast<std::uint32_t>(r) | (design.crossed ? kShardDesigns : 0);
        data::draw_minibatch(of_set, shard.size(), batch_rows, data::Replacement::without, scratch.minibatch, sets[r]);
        for (Index& row : sets[r]) row += shard.first;
      }
      return;
    case RowPolicy::disjoint:
      data::draw_minibatch(stream, rows, batch_rows * design.row_sets, data::Replacement::without, scratch.minibatch, scratch.drawn);
      of_set.minor = 1;  // the order has a stream of its own
      deal(of_set, batch_rows, scratch, 0, sets);
      return;
    case RowPolicy::epoch: {
      // A step takes batch_rows R rows; what remains at the end of the permutation is left out, as loaders do.
      scratch.drawn.resize(static_cast<std::size_t>(rows));
      std::iota(scratch.drawn.begin(), scratch.drawn.end(), Index{0});
      const Index steps = rows / (batch_rows * design.row_sets);
      of_set.minor = 1;
      const auto step = static_cast<Index>(random::uniform_index(stream, 0, static_cast<std::uint64_t>(steps)));
      deal(of_set, batch_rows, scratch, step * batch_rows * design.row_sets, sets);
      return;
    }
  }
}

double row_set_scale(Index rows, Index batch_rows, const Design& design, Index set) {
  if (design.rows == RowPolicy::shards) {
    const Index mine = balanced_range(rows, design.shards(), set / design.sets_per_shard).size();
    return static_cast<double>(design.shards()) * static_cast<double>(mine) / static_cast<double>(batch_rows);
  }
  return static_cast<double>(rows) / static_cast<double>(batch_rows);
}

}  // namespace variscope::experiments
