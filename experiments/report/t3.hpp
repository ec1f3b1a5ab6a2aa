/// Table T3: how the variance falls with the number of replicas under every policy for noise and rows.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/diagnostics/scaling.hpp"
#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// The scaling of all estimators at one point of one cell.
struct ScalingSection {
  std::string cell;     ///< "cell_000"
  std::string heading;  ///< what distinguishes the cell
  std::string point;    ///< "50 %"
  std::vector<diagnostics::ScalingSummary> estimators;
  std::vector<std::string> notes = {};  ///< printed below
  std::set<std::string> cells = {};     ///< ids of all cells compared
};

/// A row per estimator, R and policy.
Table t3(const std::vector<ScalingSection>& sections, const ReportContext& context);

}  // namespace variscope::experiments
