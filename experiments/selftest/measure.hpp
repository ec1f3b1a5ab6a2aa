/// Replicates of estimators for the self-test: batches spread over threads, every bit independent of how many there are.
#pragma once

#include <span>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/record.hpp"
#include "experiments/run/estimates.hpp"

namespace variscope::experiments {

/// Batches of all measurements here; enough for t quantiles far out.
inline constexpr Index kSelftestBatches = 200;

/// What is measured. Everything outlives it.
struct Subject {
  const models::Model* model = nullptr;
  const DataPlan* data = nullptr;  ///< nullptr if the model has no rows
  const families::Family* family = nullptr;
  CallSettings call;
  std::span<const double> snapshot = {};            ///< see estimators::Context; empty: none
  const estimators::RowHistory* history = nullptr;  ///< likewise
};

/// The plan of a table that is held whole, in one tile.
DataPlan plan_of(const data::Table& table);

/// What the estimator prepares at the subject and its snapshot; empty if it keeps no state.
std::vector<double> prepared_state(const Subject& at, const estimators::Estimator& estimator);

/// Moments of each estimator about its centre ([parameter]), on common draws; of the mean over replicas where the design has more than one.
/// replicates: a multiple of kSelftestBatches, or rounded down to one.
std::vector<BatchMoments> measure(const Subject& at, const std::vector<Measured>& list, const std::vector<std::vector<double>>& centres,
                                  Index replicates, int threads);

/// Mean squares of crossed designs (the subject's design). designs: as replicates.
ComponentMoments measure_components(const Subject& at, const Measured& estimator, Index designs, int threads);
/// The same within fixed shards (the subject's design).
ShardMoments measure_shards(const Subject& at, const Measured& estimator, Index designs, int threads);

}  // namespace variscope::experiments
