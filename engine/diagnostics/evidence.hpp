/// Log evidence from several independent estimates of it.
#pragma once

#include <span>

namespace variscope::diagnostics {

/// The mean of the evidences, in logs; NaN where there is none.
struct LogEvidence {
  double value = 0;  ///< log of the mean of exp(estimate)
  double error = 0;  ///< standard error of it: that of the mean over the mean (delta method)
  double lower = 0;  ///< 95 % interval by Student's t with n - 1 degrees of freedom
  double upper = 0;
};

/// estimates: log evidences of n independent runs, whose exponentials are unbiased or nearly so: annealed importance weights, populations,
/// ladders. -infinity is an evidence of 0. Error and interval need n >= 2 (NaN); they mean something where error is well below 1: beyond,
/// the runs with the largest evidence are missing.
LogEvidence combine_log_evidence(std::span<const double> estimates);

}  // namespace variscope::diagnostics
