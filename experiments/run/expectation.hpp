/// Exact objective and gradient at a point, where model and family allow it: folded over row tiles and data shards.
#pragma once

#include <span>

#include "cluster/topology/layout.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/work.hpp"

namespace variscope::experiments {

/// Objective (ELBO, or E_q of the log density) at the family's member, its gradient and bounds on their numerical errors, by the model's
/// Gaussian expectations or by summing over the states of a discrete family. The same bits on all ranks. Collective over team.shards;
/// other axes repeat the work. Cost: one pass over this rank's rows (discrete: one for each state).
models::GaussianExpectation exact_expectation(const models::Model& model, const DataPlan* data, estimators::Objective objective,
                                              const families::Family& family, const cluster::Team& team, int threads, Work& work);

}  // namespace variscope::experiments
