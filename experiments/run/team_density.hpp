/// A model's density as approximations see it, evaluated by a whole team: columns divided along the samples, rows along the shards.
#pragma once

#include "cluster/topology/layout.hpp"
#include "engine/approximations/density.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/density.hpp"

namespace variscope::experiments {

class TeamDensity {
 public:
  /// Everything outlives the object. data: nullptr if none.
  TeamDensity(const models::Model& model, const DataPlan* data, const cluster::Team& team, cluster::Reduce reduce, int threads, Work& work);

  /// Refers to this object. What it evaluates is the same on the whole team, which has to call alike; its bits do not depend on the team.
  [[nodiscard]] approximations::Density density();
  /// This coordinate's share of `count` columns, in lane blocks.
  [[nodiscard]] Range blocks(Index count) const;

 private:
  void evaluate(tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView direction, tiles::BatchView out);

  const models::Model& model_;
  const DataPlan* data_;
  const cluster::Team& team_;
  int threads_;
  Work& work_;
  Density density_;
  tiles::Batch some_;
};

}  // namespace variscope::experiments
