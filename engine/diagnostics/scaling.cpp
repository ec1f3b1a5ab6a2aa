/// How the variance of the mean over R replicas falls with R, against what the components predict.
#include "engine/diagnostics/scaling.hpp"

#include <limits>
#include <numeric>

#include "engine/diagnostics/comparison.hpp"
#include "engine/diagnostics/work.hpp"

namespace variscope::diagnostics {

namespace {

/// One replica is the same under all ways to share noise or to deal distinct rows.
const MeasuredScaling* one_replica(const std::vector<MeasuredScaling>& measured, const MeasuredScaling& like) {
  const auto replacement = [](const MeasuredScaling& m) {
    return m.policy.rows == RowPolicy::with_replacement && m.setting.batch_rows > 0;
  };
  for (const MeasuredScaling& m : measured) {
    if (m.setting.replicas == 1 && m.setting.rows == like.setting.rows && m.setting.samples == like.setting.samples &&
        m.setting.batch_rows == like.setting.batch_rows && m.setting.own_noise_per_row == like.setting.own_noise_per_row &&
        replacement(m) == replacement(like)) {
      return &m;
    }
  }
  return nullptr;
}

double replicates_of(const MeasuredScaling& m) { return std::accumulate(m.count.begin(), m.count.end(), 0.0); }

Estimate inverse_of(const Estimate& estimate, double factor) {
  Estimate inverse = scaled(estimate, factor);
  if (!inverse.defined() || !(inverse.value > 0)) {
    return {};
  }
  const double upper = inverse.upper;
  inverse.value = 1 / inverse.value;
  inverse.upper = 1 / inverse.lower;
  inverse.lower = 1 / upper;
  inverse.error = inverse.value * inverse.log_error;
  return inverse;
}

}  // namespace

ScalingSummary scaling(const std::string& estimator, const std::vector<MeasuredScaling>& measured, const ComponentStatistics* components,
                       double norm_square, Index comparisons, double share) {
  ScalingSummary summary;
  summary.estimator = estimator;
  summary.norm_square = norm_square;
  summary.share = share;
  for (const MeasuredScaling& m : measured) {
    ScalingPoint point;
    const Estimate variance = jackknife(m.trace, m.count);
    point.seconds = m.seconds;
    point.well_timed = well_timed(m.seconds, replicates_of(m));
    point.noise_scale = norm_square > 0 ? scaled(variance, 1 / norm_square) : Estimate{};
    point.step_progress = std::numeric_limits<double>::quiet_NaN();
    const auto r = static_cast<double>(m.setting.replicas);
    if (const MeasuredScaling* one = one_replica(measured, m)) {
      const bool paired = one->count == m.count;
      const Estimate ratio =
          paired ? jackknife_ratio(m.trace, one->trace, m.count) : ratio_of_independent(variance, jackknife(one->trace, one->count));
      point.ratio = scaled(ratio, r);
      const bool timed = point.well_timed && well_timed(one->seconds, replicates_of(*one));
      point.efficiency = timed ? inverse_of(ratio, m.seconds / one->seconds) : Estimate{};
      point.step_progress = replica_efficiency(one->trace.value, m.trace.value, m.setting.replicas, norm_square);
    }
    point.check = {m.setting, m.policy, compare({}, variance, comparisons)};
    if (m.strata) {
      point.check = check_prediction(*m.strata, m.setting, m.policy, variance, comparisons);
    }
    if (components != nullptr) {
      if (!point.check.strata) {
        point.check = check_prediction(*components, m.setting, m.policy, variance, comparisons);
      }
      if (point.check.comparison.predicted.defined()) {
        point.useful = largest_useful_replicas(components->values(), m.setting, m.policy, norm_square, share);
        point.useful_floor = largest_useful_replicas(components->values(), m.setting, m.policy, 0, share);
      }
    }
    summary.points.push_back(point);
  }
  return summary;
}

}  // namespace variscope::diagnostics
