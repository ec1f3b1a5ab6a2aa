/// Three axes of ranks: replicates x sample blocks x data shards, and the communicators along them.
#pragma once

#include <string>

#include "cluster/communicator/communicator.hpp"

namespace variscope::cluster {

/// How many ranks lie along each axis. rank = (replicate * samples + sample) * shards + shard.
struct Layout {
  Index replicates = 1;
  Index samples = 1;
  Index shards = 1;

  [[nodiscard]] Index ranks() const { return replicates * samples * shards; }
  [[nodiscard]] Index replicate_of(Index rank) const { return rank / (samples * shards); }
  [[nodiscard]] Index sample_of(Index rank) const { return rank / shards % samples; }
  [[nodiscard]] Index shard_of(Index rank) const { return rank % shards; }
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Layout&, const Layout&) = default;
};

/// The ranks that make one gradient estimate together: sample blocks along one axis, data shards along the other.
/// The estimate comes out on the team's root, rank 0 of both axes.
struct Team {
  Communicator samples = Communicator::serial();
  Communicator shards = Communicator::serial();
  [[nodiscard]] bool is_root() const { return samples.rank() == 0 && shards.rank() == 0; }
};

/// The team of this rank's replicate coordinate. Collective over `world`.
Team replicate_team(const Communicator& world, const Layout& layout);
/// All ranks as one team: the sample axis takes in the replicate axis. For work that has no replicates, such as the path.
Team whole_team(const Communicator& world, const Layout& layout);

}  // namespace variscope::cluster
