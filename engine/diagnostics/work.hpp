/// What one call of an estimator costs, in evaluations that do not depend on the machine.
#pragma once

#include "engine/record.hpp"

namespace variscope::diagnostics {

/// A gradient pass costs two value passes (4 N D S against 2 N D S flops), a Hessian-vector product, which needs x'z and x'd, three.
inline constexpr double gradient_pass_cost = 2.0;
inline constexpr double hessian_pass_cost = 3.0;

/// Per call, in passes of one sample over one batch (B rows; all N rows if B is 0; the whole density if there is no data).
struct Work {
  double value_passes = 0;
  double gradient_passes = 0;
  double hessian_passes = 0;     ///< Hessian-vector products, with or without the gradient
  double value_equivalents = 0;  ///< value_passes + 2 gradient_passes + 3 hessian_passes
};

/// Calls that were timed for less than this in all are not compared by time: a single interruption by the operating system, a few
/// milliseconds, would show in the ratio.
inline constexpr double least_timed_seconds = 0.05;
inline bool well_timed(double seconds_per_call, double calls) { return seconds_per_call * calls >= least_timed_seconds; }

/// Seconds of one call, the record's share of its preparation's seconds included. NaN if those are unknown.
double seconds_per_call(const EstimatorRecord& record);

/// The record's share of its preparation included. replicates > 0.
Work work_per_call(const EstimatorRecord& record, double replicates, Index rows, Index batch_rows);

/// Work as gradients of one sample over all N rows (rows 0: of the whole density): the axis that fits are compared along.
double gradient_equivalents(const models::Counts& counts, Index rows);

}  // namespace variscope::diagnostics
