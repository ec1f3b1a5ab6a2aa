/// Which rows a study of fits predicts, checked against data and model.
#pragma once

#include <vector>

#include "engine/fit_record.hpp"
#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// Parts that the settings ask for, in the order given; empty without data, and for methods of fits that have no draws.
std::vector<PredictedPart> predicted_parts(const Settings& settings, const DataPlan* data);

/// Draws of the parameters that predict rows, of a cell of fits: particles may be fewer than the settings ask for.
Index drawn_by_fits(const Settings& settings);

/// Settings of the first cell that has draws, which say for all what is predicted; of the first cell if there is none.
const Settings& predictive_settings(const std::vector<CellPlan>& cells);

/// UserError if the model cannot predict these rows, or there are none.
void check_predictive(const Spec& spec, const Settings& settings, const models::Model& model, const DataPlan* data);

/// Position of predictive.covariate among the design's columns; -1 if none is named. UserError unless it is one that holds numbers.
Index covariate_column(const Settings& settings, const Dataset& dataset);

/// Of one rank: the rows held out and the grid, and what is being computed of them.
double predictive_bytes(const Settings& settings, const DataPlan& data, Index shards, int threads);

/// Rows predicted together, within a tile.
inline constexpr Index kPredictedRows = 64;

}  // namespace variscope::experiments
