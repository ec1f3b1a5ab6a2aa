/// A rank's share of a data set, standardised by moments that all shards fold together.
#pragma once

#include "cluster/topology/layout.hpp"
#include "engine/data/table.hpp"
#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// Reads rows share(shards, shard) and prepares them as the spec asks. Collective over the shard ranks. The bits do not depend on the
/// sharding.
data::Table load_share(const DataPlan& plan, const cluster::Communicator& shards);

}  // namespace variscope::experiments
