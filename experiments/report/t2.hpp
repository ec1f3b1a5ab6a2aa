/// Table T2: Monte Carlo noise, data noise and their interaction, how to split a budget between samples and rows, and whether predictions
/// hold.
#pragma once

#include <string>
#include <vector>

#include "engine/diagnostics/components.hpp"
#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// The components of all estimators at one point of one cell. All have the same blocks.
struct ComponentPoint {
  std::string cell;     ///< "cell_000"
  std::string heading;  ///< what distinguishes the cell
  std::string point;    ///< "50 %"
  std::vector<diagnostics::ComponentSummary> estimators;
  std::vector<std::string> notes = {};  ///< printed below; estimators whose samples or rows cannot be crossed, and why
};

/// A panel per block, one for all parameters, one for the best split.
Table t2(const std::vector<ComponentPoint>& points, const ReportContext& context);

/// Predicted against measured at other settings: a row per estimator and check; no sections if there are no checks.
Table t2_checks(const std::vector<ComponentPoint>& points, const ReportContext& context);

}  // namespace variscope::experiments
