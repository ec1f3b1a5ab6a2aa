/// Four axes of ranks: replicates x replicas x sample blocks x data shards, and the communicators along them.
#pragma once

#include <string>

#include "cluster/communicator/communicator.hpp"

namespace variscope::cluster {

/// How many ranks lie along each axis. rank = ((replicate * replicas + replica) * samples + sample) * shards + shard.
struct Layout {
  Index replicates = 1;
  Index samples = 1;
  Index shards = 1;
  Index replicas = 1;  ///< named last: most layouts have one

  [[nodiscard]] Index ranks() const { return replicates * replicas * samples * shards; }
  [[nodiscard]] Index replicate_of(Index rank) const { return rank / (replicas * samples * shards); }
  [[nodiscard]] Index replica_of(Index rank) const { return rank / (samples * shards) % replicas; }
  [[nodiscard]] Index sample_of(Index rank) const { return rank / shards % samples; }
  [[nodiscard]] Index shard_of(Index rank) const { return rank % shards; }
  /// As the command line takes it; replicas are left out where there is one.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Layout&, const Layout&) = default;
};

/// The ranks that make one gradient estimate together: sample blocks along one axis, data shards along the second, and the replicas that
/// the estimate is the mean of along the third. The estimate comes out on the team's root, rank 0 of all axes.
struct Team {
  Communicator samples = Communicator::serial();
  Communicator shards = Communicator::serial();
  Communicator replicas = Communicator::serial();
  [[nodiscard]] Index ranks() const { return Index{1} * replicas.size() * samples.size() * shards.size(); }
  /// Where a replica's gradient comes out.
  [[nodiscard]] bool has_replica() const { return samples.rank() == 0 && shards.rank() == 0; }
  [[nodiscard]] bool is_root() const { return has_replica() && replicas.rank() == 0; }
};

/// The team of this rank's replicate coordinate. Collective over `world`.
Team replicate_team(const Communicator& world, const Layout& layout);
/// All ranks as one team: the sample axis takes in the replicate and replica axes. For work that has neither, such as the path.
Team whole_team(const Communicator& world, const Layout& layout);

}  // namespace variscope::cluster
