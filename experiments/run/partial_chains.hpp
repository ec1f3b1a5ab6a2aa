/// Chains that are not at their end, as far as they have come.
#pragma once

#include <filesystem>
#include <vector>

#include "engine/chain_record.hpp"
#include "engine/store/manifest.hpp"
#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// Fewest stored draws of a chain that figures are made of: split chains still have four each.
inline constexpr Index kLeastDraws = 8;

/// What a study of chains has committed, with the figures that it would have if it had been planned with so many draws: samplers that are
/// done in cells of their names, one that is under way in a cell "cell_000 so far", of as many draws as all its chains have. Those with
/// fewer than kLeastDraws are left out. Without timings, predictions, and reference moments that are only found in a run. Cost: reads the
/// segments twice, and writes the draws once, below `scratch`, where the trace files stay.
std::vector<ChainCellRecord> partial_chains(const std::filesystem::path& run, const store::Manifest& manifest, const Plan& plan,
                                            const std::filesystem::path& scratch);

}  // namespace variscope::experiments
