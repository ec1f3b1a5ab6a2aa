/// From the draws of shards' posteriors to moments of their combination, with errors, beside those of the posterior of all rows.
#pragma once

#include <span>

#include "engine/chain_record.hpp"
#include "engine/combiners/combiner.hpp"
#include "engine/store/trace_file.hpp"

namespace variscope::experiments {

/// Positions on the unconstrained scale of the chains that did not fail, one chain after the other.
struct ChainPositions {
  Index chains = 0;
  dense::Matrix draws;  ///< [chain x draw] x dim
};

/// Batches of draws that errors are found from.
inline constexpr Index kCombinedBatches = 8;

/// From the group unconstrained_posterior of a finished trace.
ChainPositions chain_positions(const store::TraceFile& file, const store::TraceLayout& layout);

/// Mean and sd of every coordinate (combined_figures without full_*, which are NaN), draws, acceptance, rhat and joint. At most `most`
/// draws of each shard are used, evenly spread. Standard errors: sd / sqrt(8) of the moments that 8 batches of consecutive draws come to
/// when each is combined on its own (batch means: Flegal, Jones 2010, Annals of Statistics 38(2)); they know the noise of the shards'
/// chains, as long as batches are long against their autocorrelation, and the combiner's own, but not its bias. Each has 7 degrees of
/// freedom. Cost: about two combinations. NaNs where a shard has no chains left; errors are NaN where a batch cannot be combined. Throws as
/// the combiner does.
CombinedRecord combine_shards(const combiners::Entry& combiner, std::span<const ChainPositions> shards, Index most,
                              const combiners::Arguments& arguments);

/// full_*: of all rows, by effective sizes.
void add_full_posterior(const ChainPositions& full, CombinedRecord& combined);

}  // namespace variscope::experiments
