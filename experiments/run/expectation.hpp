/// Exact objective and gradient at a point, where the model has its Gaussian expectations: folded over row tiles and data shards.
#pragma once

#include <span>

#include "cluster/topology/layout.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/work.hpp"

namespace variscope::experiments {

/// Objective (ELBO, or E_q of the log density) at lambda, its gradient and bounds on their numerical errors. The same bits on all
/// ranks. Collective over team.shards; other axes repeat the work. Cost: one pass over this rank's rows.
models::GaussianExpectation exact_expectation(const models::Model& model, const DataPlan* data, estimators::Objective objective,
                                              std::span<const double> lambda, const cluster::Team& team, int threads, Work& work);

}  // namespace variscope::experiments
