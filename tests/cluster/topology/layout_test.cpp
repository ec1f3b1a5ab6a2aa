/// Four axes of ranks as arithmetic: every rank has one place, and every place a rank.
#include "cluster/topology/layout.hpp"

#include <set>
#include <stdexcept>
#include <tuple>

#include <gtest/gtest.h>

namespace variscope::cluster {
namespace {

TEST(Layout, RankAndCoordinatesDetermineEachOther) {
  for (Index replicates = 1; replicates <= 4; ++replicates) {
    for (Index samples = 1; samples <= 4; ++samples) {
      for (Index shards = 1; shards <= 4; ++shards) {
        for (Index replicas = 1; replicas <= 4; ++replicas) {
          const Layout layout{replicates, samples, shards, replicas};
          EXPECT_EQ(layout.ranks(), replicates * replicas * samples * shards);
          std::set<std::tuple<Index, Index, Index, Index>> places;
          for (Index rank = 0; rank < layout.ranks(); ++rank) {
            const Index replicate = layout.replicate_of(rank);
            const Index replica = layout.replica_of(rank);
            const Index sample = layout.sample_of(rank);
            const Index shard = layout.shard_of(rank);
            EXPECT_EQ(((replicate * replicas + replica) * samples + sample) * shards + shard, rank);
            EXPECT_LT(replicate, replicates);
            EXPECT_LT(replica, replicas);
            EXPECT_LT(sample, samples);
            EXPECT_LT(shard, shards);
            places.emplace(replicate, replica, sample, shard);
          }
          EXPECT_EQ(static_cast<Index>(places.size()), layout.ranks());
        }
      }
    }
  }
}

TEST(Layout, TextNamesAllAxesButOneReplica) {
  EXPECT_EQ((Layout{2, 3, 4}).text(), "replicates=2,samples=3,shards=4");
  EXPECT_EQ((Layout{2, 3, 4, 5}).text(), "replicates=2,replicas=5,samples=3,shards=4");
}

TEST(Layout, OneRankIsATeamOfItsOwn) {
  const auto world = Communicator::serial();
  for (const Team& team : {replicate_team(world, {}), whole_team(world, {})}) {
    EXPECT_EQ(team.samples.size(), 1);
    EXPECT_EQ(team.shards.size(), 1);
    EXPECT_EQ(team.replicas.size(), 1);
    EXPECT_EQ(team.ranks(), 1);
    EXPECT_TRUE(team.is_root());
  }
}

TEST(Layout, ADryRunHasNoTeams) { EXPECT_THROW(replicate_team(Communicator::dry_run(4), {4, 1, 1}), std::logic_error); }

}  // namespace
}  // namespace variscope::cluster
