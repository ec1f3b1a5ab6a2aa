/// Filling a plan's data, paths and cells from its spec; how much work a Monte Carlo reference is.
#pragma once

#include <algorithm>
#include <memory>

#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// Samples of one replicate of the Monte Carlo reference and of one step towards the optimum, where no exact expectation is at hand.
inline constexpr Index kReferenceSamples = 64;
inline constexpr Index kOptimumSamples = 256;

/// The same, except that the bound of M samples is always estimated with M.
inline Index reference_samples(const Settings& settings) {
  return objective_of(settings) == estimators::Objective::importance_bound ? settings.path.samples : kReferenceSamples;
}
inline Index optimum_samples(const Settings& settings) {
  return objective_of(settings) == estimators::Objective::importance_bound ? settings.path.samples : kOptimumSamples;
}

/// Replicates of the Monte Carlo reference at each point.
inline Index reference_replicates(const Settings& settings) {
  return std::max<Index>(8, settings.reference.samples / reference_samples(settings));
}
/// Steps of the search for the optimum, where no exact expectation is at hand.
inline Index optimum_steps(const Settings& settings) { return 2 * settings.path.steps; }

/// c such that minibatch leaves are row_tile << c rows. A leaf with few selected rows is all overhead, so leaves are as coarse as leaves
/// the data divisible: at most 65536 rows each, at least 16 of them, and 2, 3 or 4 shards within 1.1 of even (leaves are what shards are
/// cut at). No coarser than gives about 128 selected rows a leaf.
int coarser_tiles(Index rows, Index row_tile, Index batch_rows);

/// Whether reference and optimum are found by Monte Carlo: asked for, or model and family have no exact expectation.
bool needs_monte_carlo(const Settings& settings, const models::Model& model, const families::Family& family);

/// The estimators that lead along a path and that make a Monte Carlo reference: the best of the simple ones that this setting allows.
std::string path_estimator(const estimators::Context& context);
std::string reference_estimator(const estimators::Context& context);

/// A model that knows its shape but has no rows; it refers to data->shape.
std::unique_ptr<models::Model> shape_model(const Settings& settings, const DataPlan* data);

/// plan.spec -> plan.data, paths, cells, counts.
void expand_cells(Plan& plan);

}  // namespace variscope::experiments
