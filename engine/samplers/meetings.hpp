/// Chains that adapt together: run to the next meeting, fold what the chains contribute, adapt.
#pragma once

#include <functional>
#include <span>

#include "engine/samplers/schedule.hpp"
#include "engine/tiles/fold.hpp"

namespace variscope::samplers {

/// Folds over all chains of the run by the tree over their global indices, on every rank: leaf(place, partial) adds the chain at that place
/// of this rank's span into a partial of zeros (folded.size() entries). A run on many ranks supplies its own.
using FoldChains = std::function<void(const std::function<void(Index place, std::span<double> partial)>& leaf, const tiles::Merge& merge,
                                      std::span<double> folded)>;

/// All `chains` chains are here, place = global index.
FoldChains fold_here(Index chains);

/// Runs chains, all of which stand at the same iteration, until `last`, with every meeting on the way; one that is due at `last` included,
/// so that a run in pieces is the run in one. shared: adapted in place. Cost beside that of Schedule::run: the folds.
void run_chains(const Sampler& sampler, const Run& run, Schedule& schedule, std::span<Chain> chains, Index last, std::span<double> shared,
                const Observe& observe, const FoldChains& fold);

}  // namespace variscope::samplers
