/// Table T1x: between which points of a path an estimator overtakes the baseline, and at which step.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// One change of side of the ratio tr Var / tr Var of the baseline, between the nearest two points whose intervals exclude 1.
struct Crossing {
  std::string estimator;
  std::size_t from = 0;  ///< places of the points in the cell
  std::size_t to = 0;
  bool falls = false;      ///< from above 1 to below: the estimator becomes the better one
  bool separated = false;  ///< the points are neighbours; else the interval of a point between them contains 1, or cannot be trusted
  /// Steps of the path where log ratio, linear between the two points, is 0. Undefined unless separated, if the ratio is zero at one of
  /// them, or if one is the optimum, which no step leads to.
  diagnostics::Estimate step;
};

/// Of an estimator that passed its bias gate; unbiased points alone count. In the path's order. Errors: the points' replicates are
/// independent of each other, so that half the width of the interpolated logarithm's interval is the root of the sum of the squared
/// weighted halves; step's interval is where it contains 0 (Fieller 1954, JRSS B 16:175-185), 95 % of what interpolation alone would find
/// from exact ratios: the curvature of the logarithm between the points is not in it. Cost O(points).
std::vector<Crossing> crossings(const CellSummary& cell, const std::string& estimator);

/// A section for each cell with at least one crossing, a footnote for each other one; a note for every estimator without a crossing. No
/// sections if nothing crosses anywhere.
Table t1x(const std::vector<CellSummary>& cells, const ReportContext& context);

}  // namespace variscope::experiments
