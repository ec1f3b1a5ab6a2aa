/// Broadcasts along the axes, one after the other.
#include "experiments/run/team_share.hpp"

namespace variscope::experiments {

void share(const cluster::Team& team, std::span<double> values, Work& work) {
  if (team.ranks() == 1) return;
  Stopwatch watch;
  if (team.has_replica()) team.replicas.broadcast(values);
  if (team.shards.rank() == 0) team.samples.broadcast(values);
  team.shards.broadcast(values);
  work.communication_s += watch.lap();
}

void gather(const cluster::Team& team, std::span<double> values, Work& work) {
  for (double& value : values) value += 0.0;
  if (team.ranks() == 1) return;
  Stopwatch watch;
  if (team.replicas.rank() == 0 && team.shards.rank() == 0) {
    // One term of each sum is not 0: it is exact in any order.
    team.samples.sum_in_any_order(values);
  }
  work.communication_s += watch.lap();
  share(team, values, work);
}

}  // namespace variscope::experiments
