/// What one call of an estimator costs, in evaluations that do not depend on the machine.
#include "engine/diagnostics/work.hpp"

namespace variscope::diagnostics {

Work work_per_call(const models::Counts& counts, double replicates, Index rows, Index batch_rows) {
  Work work;
  if (rows > 0) {
    const auto pass = static_cast<double>(batch_rows > 0 ? batch_rows : rows);
    work.value_passes = static_cast<double>(counts.value_rows) / pass / replicates;
    work.gradient_passes = static_cast<double>(counts.gradient_rows) / pass / replicates;
  } else {
    work.value_passes = static_cast<double>(counts.value_evaluations) / replicates;
    work.gradient_passes = static_cast<double>(counts.gradient_evaluations) / replicates;
  }
  work.value_equivalents = work.value_passes + gradient_pass_cost * work.gradient_passes;
  return work;
}

}  // namespace variscope::diagnostics
