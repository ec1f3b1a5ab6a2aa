/// Draws from a fitted approximation, summarised: moments of the model's variables, importance weights, Pareto k.
#pragma once

#include "engine/estimators/estimator.hpp"
#include "engine/fit_record.hpp"
#include "engine/models/model.hpp"

namespace variscope::experiments {

/// Fills mean, sd, weighted_mean, weighted_sd ([variable] of the record), k_hat and effective_draws from the samples of one block, whose
/// only density is the log density's value. Variables are on the user's scale (Model::constrain). Cost O(draws (dim + variables)).
void summarise_draws(const models::Model& model, const families::Family& family, const estimators::SampleBlock& block, FitRecord& record);

/// Correlations of the rows of `values`, pair by pair, about `mean`; empty where `pairs` is 0.
std::vector<double> correlations(tiles::ConstBatchView values, std::span<const double> mean, std::size_t pairs);

}  // namespace variscope::experiments
