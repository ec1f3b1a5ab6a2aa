/// What a team's ranks tell each other between the steps of an algorithm that all of them follow.
#pragma once

#include <span>

#include "cluster/topology/layout.hpp"
#include "experiments/run/work.hpp"

namespace variscope::experiments {

/// values become the root's on the whole team. Collective over the team.
void share(const cluster::Team& team, std::span<double> values, Work& work);

/// On the first replica's ranks that are the first of their shards, every value is set by one rank along the samples and 0 on the others:
/// values become those that were set, on the whole team; -0 becomes 0, on a single rank too. Collective over the team.
void gather(const cluster::Team& team, std::span<double> values, Work& work);

}  // namespace variscope::experiments
