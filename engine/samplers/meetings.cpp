/// Meetings of chains.
#include "engine/samplers/meetings.hpp"

#include <algorithm>
#include <vector>

namespace variscope::samplers {

FoldChains fold_here(Index chains) {
  return [chains](const auto& leaf, const tiles::Merge& merge, std::span<double> folded) {
    const tiles::Tree tree{chains, 1};
    tiles::NodeFolder folder;
    folder.fold(tree, tree.root(), leaf, merge, folded);
  };
}

void run_chains(const Sampler& sampler, const Run& run, Schedule& schedule, std::span<Chain> chains, Index last, std::span<double> shared,
                const Observe& observe, const FoldChains& fold) {
  if (chains.empty()) return;
  std::vector<double> folded(static_cast<std::size_t>(sampler.partial_size()));
  for (Index at = chains.front().iteration; at < last;) {
    const Index meeting = sampler.next_meeting(run, at);
    at = std::min(meeting, last);
    schedule.run(chains, at, shared, observe);
    if (at != meeting) continue;
    for (Index stage = 0; stage < sampler.stages(); ++stage) {
      fold(
          [&](Index place, std::span<double> partial) {
            const Chain& chain = chains[static_cast<std::size_t>(place)];
            if (chain.status == ChainStatus::running) sampler.contribute(stage, chain, shared, partial);
          },
          [&](std::span<double> left, std::span<const double> right) { sampler.merge(stage, left, right); }, folded);
      sampler.adapt(run, stage, at, folded, shared);
    }
  }
}

}  // namespace variscope::samplers
