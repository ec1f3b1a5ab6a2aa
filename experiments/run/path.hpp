/// The reference path: Adam's iterates, the optimum, and the exact or Monte Carlo reference gradient at every point.
#pragma once

#include <vector>

#include "engine/record.hpp"
#include "engine/store/run_file.hpp"
#include "experiments/plan/cost.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/estimates.hpp"

namespace variscope::experiments {

/// A path as every rank holds it: the same bits everywhere.
struct Path {
  store::PathRecord record;
  std::vector<PointRecord> points;  ///< labels, lambda, reference, objective; no estimators yet
};

/// Runs the optimisation with all ranks as one team. Collective over the world.
Path run_path(const PathPlan& plan, const models::Model& model, const DataPlan* data, const cluster::Communicator& world,
              const cluster::Team& whole, cluster::Reduce reduce, int threads, Work& work);

}  // namespace variscope::experiments
