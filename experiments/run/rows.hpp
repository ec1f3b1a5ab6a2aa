/// The data rows of one replicate's row sets under a policy.
#pragma once

#include <vector>

#include "engine/data/minibatch.hpp"
#include "engine/random/stream.hpp"
#include "experiments/plan/design.hpp"

namespace variscope::experiments {

/// Memory reused between draws. One per thread.
struct RowScratch {
  data::MinibatchScratch minibatch;
  std::vector<Index> drawn;
  std::vector<std::pair<std::uint64_t, Index>> order;
};

/// sets[r] = the batch_rows global rows of row set r, ascending. stream: of the replicate, minor 0; set r uses minor r where sets are drawn
/// independently. Exactly uniform over what the policy allows. Cost O(batch_rows row_sets), a sort where rows are dealt out; epoch O(rows).
void draw_row_sets(const random::Stream& stream, Index rows, Index batch_rows, const Design& design, RowScratch& scratch,
                   std::vector<std::vector<Index>>& sets);

/// What the likelihood of row set r is scaled by, so that the mean over replicas is unbiased: N / B, or R N_r / B for the N_r rows of
/// its shard out of R.
double row_set_scale(Index rows, Index batch_rows, const Design& design, Index set);

}  // namespace variscope::experiments
