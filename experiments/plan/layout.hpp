/// Choosing and checking how ranks divide over replicates, replicas, sample blocks and data shards.
#pragma once

#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// Work of the busiest rank over the mean, all axes together; infinity if the layout is impossible. `reason`: why, in words.
double imbalance(const Plan& plan, const cluster::Layout& layout, std::string& reason);

/// The layout with the axes asked for kept, the others chosen: replicates first, then replicas, then samples, then shards, shards only
/// as many as memory demands. Throws UserError with the nearest number of ranks that works.
cluster::Layout choose_layout(const Plan& plan, Index ranks, const LayoutRequest& asked);

}  // namespace variscope::experiments
