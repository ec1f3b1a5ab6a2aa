/// The record of a cell of a variance study as the plan shapes it.
#pragma once

#include <vector>

#include "engine/record.hpp"
#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// Everything but the moments: names, settings, the path's points, each with the cell's estimators.
CellRecord shape_of(const CellPlan& cell, const PathPlan& path, const std::vector<PointRecord>& points, const models::Model& model);

/// Makes room for the moments of all batches that were planned, zeros.
void make_room(CellRecord& record, Index batches);

}  // namespace variscope::experiments
