/// What one call of an estimator costs, in evaluations that do not depend on the machine.
#include "engine/diagnostics/work.hpp"

namespace variscope::diagnostics {

double seconds_per_call(const EstimatorRecord& record) {
  if (record.preparation_share == 0) return record.seconds_per_call;
  return record.seconds_per_call + record.preparation_share * record.preparation_seconds;
}

Work work_per_call(const EstimatorRecord& record, double replicates, Index rows, Index batch_rows) {
  const double pass = rows > 0 ? static_cast<double>(batch_rows > 0 ? batch_rows : rows) : 1.0;
  const auto passes = [&](Index models::Counts::*count) {
    return (static_cast<double>(record.counts.*count) / replicates +
            record.preparation_share * static_cast<double>(record.preparation.*count)) /
           pass;
  };
  using models::Counts;
  Work work;
  work.value_passes = passes(rows > 0 ? &Counts::value_rows : &Counts::value_evaluations);
  work.gradient_passes = passes(rows > 0 ? &Counts::gradient_rows : &Counts::gradient_evaluations);
  work.hessian_passes = passes(rows > 0 ? &Counts::hessian_rows : &Counts::hessian_evaluations);
  work.value_equivalents = work.value_passes + gradient_pass_cost * work.gradient_passes + hessian_pass_cost * work.hessian_passes;
  return work;
}

double gradient_equivalents(const models::Counts& counts, Index rows) {
  const auto sum = [](Index values, Index gradients, Index hessians) {
    const double equivalents = static_cast<double>(values) + gradient_pass_cost * static_cast<double>(gradients) +
                               hessian_pass_cost * static_cast<double>(hessians);
    return equivalents / gradient_pass_cost;
  };
  if (rows == 0) return sum(counts.value_evaluations, counts.gradient_evaluations, counts.hessian_evaluations);
  return sum(counts.value_rows, counts.gradient_rows, counts.hessian_rows) / static_cast<double>(rows);
}

}  // namespace variscope::diagnostics
