/// What the tables and figures of fits are made from: problems, the fits that were tried on each, and statistics over repeats.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/diagnostics/estimate.hpp"
#include "engine/fit_record.hpp"

namespace variscope::experiments {

/// Fits of one estimator in one cell, which differ in their repeat alone.
struct FitGroup {
  const FitCellRecord* cell = nullptr;
  std::size_t estimator = 0;
  std::string variant;  ///< the settings in which this group's cell differs from others of the problem: "step_size = 0.1"

  [[nodiscard]] const std::string& name() const { return cell->estimators[estimator]; }
  [[nodiscard]] const FitRecord& fit(Index repeat) const { return cell->fit(estimator, repeat); }
};

/// Cells with the same posterior, family and objective: their fits lead to the same optimum.
struct FitProblem {
  std::string cell;  ///< "cell_000", or "cell_000 to cell_002"
  std::string heading;
  std::vector<FitGroup> groups;
  double optimum = 0;  ///< the known one, or the best objective of all fits
  bool known = false;
  bool beaten = false;   ///< the search for the optimum ended below what a fit reached
  double tolerance = 0;  ///< nats
  double budget = 0;     ///< gradient evaluations that all fits have but those that ended of their own
  double seconds = 0;    ///< that all fits have but those
  std::vector<Exclusion> exclusions;
};

/// Of the cells whose fits have a bound. cells must outlive the result.
std::vector<FitProblem> summarise_fits(const std::vector<FitCellRecord>& cells);
/// All cells with the same posterior together, whatever they approximate it by; the optimum is then none that they share.
std::vector<FitProblem> summarise_posteriors(const std::vector<FitCellRecord>& cells);

/// Whether the fit came to its end, and, where its objective is known at both, not below its start by more than five standard errors of the
/// difference.
bool converged(const FitRecord& fit);
/// Place of the last recorded step that the fit reached; -1 if none.
Index last_recorded(const FitCellRecord& cell, const FitRecord& fit);
/// Gradient evaluations at recorded step `trace`.
double evaluations_at(const FitCellRecord& cell, const FitRecord& fit, Index trace);

/// Mean over repeats with a symmetric 95 % interval (Student's t); no interval from one repeat, undefined from none. Values that are not
/// finite are left out.
diagnostics::Estimate over_repeats(const std::vector<double>& values);
/// One value for each repeat that converged.
std::vector<double> of_converged(const FitGroup& group, const std::function<double(const FitRecord&)>& value);
/// Median of the values, the interval being the lowest and the highest; infinite values (never reached) have no interval above.
diagnostics::Estimate median_of(std::vector<double> values);

}  // namespace variscope::experiments
