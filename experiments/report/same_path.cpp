/// Which cells may be compared: those that differ in nothing but the settings named.
#include "experiments/report/same_path.hpp"

#include <algorithm>

namespace variscope::experiments {

bool measuring(const std::string& key) {
  return key.starts_with("estimators.") || key.starts_with("components.") || key.starts_with("replicates.") || key.starts_with("output.") ||
         key.starts_with("limits.");
}

bool same_but(const CellRecord& one, const CellRecord& other, const std::function<bool(const std::string&)>& free) {
  const auto covers = [&](const CellRecord& a, const CellRecord& b) {
    return std::all_of(a.settings.begin(), a.settings.end(), [&](const auto& setting) {
      return free(setting.first) || std::find(b.settings.begin(), b.settings.end(), setting) != b.settings.end();
    });
  };
  return one.model == other.model && one.family == other.family && covers(one, other) && covers(other, one);
}

std::vector<std::vector<const CellSummary*>> groups_of(const std::vector<CellSummary>& cells,
                                                       const std::function<bool(const std::string&)>& free) {
  std::vector<std::vector<const CellSummary*>> groups;
  for (const CellSummary& cell : cells) {
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return same_but(*group.front()->cell, *cell.cell, free); });
    if (found == groups.end()) {
      groups.push_back({&cell});
    } else {
      found->push_back(&cell);
    }
  }
  return groups;
}

int point_like(const CellRecord& cell, const PointRecord& point) {
  for (std::size_t i = 0; i < cell.points.size(); ++i) {
    if (cell.points[i].label == point.label && cell.points[i].lambda == point.lambda) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

int place_of(const PointRecord& point, const std::string& estimator) {
  for (std::size_t e = 0; e < point.estimators.size(); ++e) {
    if (point.estimators[e].name == estimator) {
      return static_cast<int>(e);
    }
  }
  return -1;
}

}  // namespace variscope::experiments
