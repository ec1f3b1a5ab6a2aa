/// What one call of an estimator costs, in evaluations that do not depend on the machine.
#pragma once

#include "engine/record.hpp"

namespace variscope::diagnostics {

/// A gradient pass costs two value passes (4 N D S against 2 N D S flops).
inline constexpr double gradient_pass_cost = 2.0;

/// Per call, in passes of one sample over one batch (B rows; all N rows if B is 0; the whole density if there is no data).
struct Work {
  double value_passes = 0;
  double gradient_passes = 0;
  double value_equivalents = 0;  ///< value_passes + 2 gradient_passes
};

/// counts: of all replicates together. replicates > 0.
Work work_per_call(const models::Counts& counts, double replicates, Index rows, Index batch_rows);

}  // namespace variscope::diagnostics
