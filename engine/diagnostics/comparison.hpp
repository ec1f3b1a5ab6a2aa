/// Predicted against measured: what variance components say about another setting, and whether replicates there agree.
#pragma once

#include <string>

#include "engine/diagnostics/estimate.hpp"
#include "engine/index.hpp"

namespace variscope::diagnostics {

/// Whether a measured variance is what the declared policy predicts.
enum class Agreement {
  agrees,
  above,      ///< measured is larger: replicas share what they should not
  below,      ///< measured is smaller
  undecided,  ///< no prediction, or an error that cannot be trusted
};

/// "agrees", "above", ...
std::string to_text(Agreement agreement);

struct Comparison {
  Estimate predicted;
  Estimate measured;
  double z = 0;          ///< of measured minus predicted, both errors included
  double freedom = 0;    ///< degrees of freedom of z (Welch-Satterthwaite)
  double threshold = 0;  ///< of |z|
  Agreement agreement = Agreement::undecided;
};

/// Chance of one or more false alarms among all comparisons of a report.
inline constexpr double comparison_false_alarm_rate = 0.01;

/// z = log(measured / predicted) over the root of the sum of squared errors of the logarithms; without logarithms (an interval that is
/// symmetric, a zero) the same of the difference. Student t with Welch-Satterthwaite degrees of freedom, two-sided at
/// comparison_false_alarm_rate / comparisons. Both zero up to rounding: agrees.
/// The two must come from different random numbers. Estimates that are not reliable leave the verdict undecided, z is given all the same.
Comparison compare(const Estimate& predicted, const Estimate& measured, Index comparisons);

/// numerator / denominator from independent replicates, interval on the log scale. The worse reliability of the two; undefined if either
/// is not positive.
Estimate ratio_of_independent(const Estimate& numerator, const Estimate& denominator);

}  // namespace variscope::diagnostics
