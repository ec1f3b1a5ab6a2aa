/// Splitting the world along the three axes.
#include "cluster/topology/layout.hpp"

namespace variscope::cluster {

std::string Layout::text() const {
  return "replicates=" + std::to_string(replicates) + ",samples=" + std::to_string(samples) + ",shards=" + std::to_string(shards);
}

Team replicate_team(const Communicator& world, const Layout& layout) {
  const Index rank = world.rank();
  const Index replicate = layout.replicate_of(rank);
  return {world.split(static_cast<int>(replicate * layout.shards + layout.shard_of(rank))),
          world.split(static_cast<int>(replicate * layout.samples + layout.sample_of(rank)))};
}

Team whole_team(const Communicator& world, const Layout& layout) {
  const Index rank = world.rank();
  return {world.split(static_cast<int>(layout.shard_of(rank))), world.split(static_cast<int>(rank / layout.shards))};
}

}  // namespace variscope::cluster
