/// Which cells may be compared: those that differ in nothing but the settings named.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "experiments/report/summaries.hpp"

namespace variscope::experiments {

/// Keys of settings that say what is measured at a point of a path, and not which path it is.
bool measuring(const std::string& key);

/// Whether all settings agree, apart from keys that `free` names.
bool same_but(const CellRecord& one, const CellRecord& other, const std::function<bool(const std::string&)>& free);

/// Cells in groups that agree in everything but keys that `free` names; in order of first appearance. Cost O(cells^2 settings).
std::vector<std::vector<const CellSummary*>> groups_of(const std::vector<CellSummary>& cells,
                                                       const std::function<bool(const std::string&)>& free);

/// The place of the point of `cell` with this label and the same lambda, bit for bit; -1 if there is none.
int point_like(const CellRecord& cell, const PointRecord& point);

/// The estimator's place in the record; -1 if it was not run.
int place_of(const PointRecord& point, const std::string& estimator);

}  // namespace variscope::experiments
