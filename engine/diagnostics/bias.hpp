/// The bias gate: does an estimator's mean agree with the reference gradient, and how small a bias would have been seen?
#pragma once

#include <span>
#include <vector>

#include "engine/diagnostics/moments.hpp"
#include "engine/record.hpp"

namespace variscope::diagnostics {

/// Chance of one or more false alarms among all coordinates of all gates of a report, when every estimator is unbiased.
inline constexpr double family_false_alarm_rate = 0.01;
/// Chance that a bias of the smallest detectable size is caught.
inline constexpr double detection_power = 0.80;

enum class Verdict {
  unbiased,  ///< no coordinate differs from the reference beyond the threshold
  biased,
  undecided,  ///< fewer than two replicates, or moments that are not finite
};

struct BiasGate {
  Verdict verdict = Verdict::undecided;
  double max_abs_z = 0;            ///< largest |z|, skewness-corrected
  Index worst_parameter = 0;       ///< where it is
  double threshold = 0;            ///< of |z|
  double detectable = 0;           ///< smallest bias of one coordinate found with 80 % power, worst coordinate, absolute
  double detectable_relative = 0;  ///< the same over |G|; infinite if G is zero within its error
};

/// Coordinates compared with a reference in all gates of these cells: what Bonferroni divides the rate by.
Index comparisons(const std::vector<CellRecord>& cells);

/// z = (mean - reference) / sqrt(variance / n + reference_error^2 + floor^2) per coordinate, with Hall's cubic correction for
/// skewness (Hall 1992, JRSS B 54:221-228), the skewness of the mean estimated from the batches. Threshold: two-sided
/// Student t, n - 1 degrees of freedom, at family_false_alarm_rate / comparisons.
/// floor: [parameter] of rounding_floor(). comparisons >= number of parameters. Cost O(batches x parameters).
BiasGate bias_gate(const BatchMoments& moments, const PointRecord& point, std::span<const double> floor, Index comparisons);

}  // namespace variscope::diagnostics
