/// A number with its 95 % interval, and whether the interval may be believed.
#pragma once

#include <limits>
#include <string>

namespace variscope::diagnostics {

/// What is known about a number and its interval.
enum class Reliability {
  reliable,          ///< the interval covers 92-98 % in the simulations of tests/engine/diagnostics
  too_few,           ///< too few batches or replicates to trust an interval
  heavy_tails,       ///< a few replicates carry the estimate; the interval is too short
  unstable_maximum,  ///< several coordinates compete for the maximum; the estimate is too high and the interval too short
  zero,              ///< nothing but rounding: the truth is below `floor`
  undefined,         ///< no such number: division by zero, baseline missing, not finite
};

/// A positive quantity with an interval made on the log scale; or a signed one (variance components) with a symmetric interval.
struct Estimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  double lower = std::numeric_limits<double>::quiet_NaN();
  double upper = std::numeric_limits<double>::quiet_NaN();
  double log_error = std::numeric_limits<double>::quiet_NaN();  ///< standard error of log(value); NaN if the interval is symmetric
  double floor = 0;                                             ///< values at or below this are rounding; set when reliability is zero
  Reliability reliability = Reliability::undefined;
  double error = std::numeric_limits<double>::quiet_NaN();  ///< standard error of value
  double freedom = 0;                                       ///< degrees of freedom of either error; 0 if unknown

  /// Whether value is a number (zero included).
  [[nodiscard]] bool defined() const { return reliability != Reliability::undefined; }
  [[nodiscard]] bool has_interval() const { return lower == lower && upper == upper; }
  [[nodiscard]] bool reliable() const { return reliability == Reliability::reliable; }
};

/// "reliable", "heavy tails", ...: for notes and CSV.
std::string to_text(Reliability reliability);

/// The estimate times a constant known without error, e.g. a cost ratio. Undefined unless factor is finite and > 0.
Estimate scaled(Estimate estimate, double factor);

}  // namespace variscope::diagnostics
