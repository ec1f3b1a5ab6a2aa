/// Splitting the world along the four axes.
#include "cluster/topology/layout.hpp"

namespace variscope::cluster {

std::string Layout::text() const {
  const std::string middle = replicas > 1 ? ",replicas=" + std::to_string(replicas) : "";
  return "replicates=" + std::to_string(replicates) + middle + ",samples=" + std::to_string(samples) + ",shards=" + std::to_string(shards);
}

Team replicate_team(const Communicator& world, const Layout& layout) {
  const Index rank = world.rank();
  const Index replica = layout.replicate_of(rank) * layout.replicas + layout.replica_of(rank);  // of all replicates
  const Index within = layout.sample_of(rank) * layout.shards + layout.shard_of(rank);
  return {world.split(static_cast<int>(replica * layout.shards + layout.shard_of(rank))),
          world.split(static_cast<int>(replica * layout.samples + layout.sample_of(rank))),
          world.split(static_cast<int>(layout.replicate_of(rank) * layout.samples * layout.shards + within))};
}

Team whole_team(const Communicator& world, const Layout& layout) {
  const Index rank = world.rank();
  return {world.split(static_cast<int>(layout.shard_of(rank))), world.split(static_cast<int>(rank / layout.shards)),
          Communicator::serial()};
}

}  // namespace variscope::cluster
