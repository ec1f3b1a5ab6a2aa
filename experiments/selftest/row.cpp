/// How rows are judged: the reports' bias gate for means, and for mean squares as if each batch were one replicate.
#include "experiments/selftest/row.hpp"

#include <boost/math/distributions/students_t.hpp>

#include "engine/diagnostics/bias.hpp"
#include "engine/diagnostics/moments.hpp"

namespace variscope::experiments {

namespace {

/// The gate divides its rate by the comparisons: so many make it kFalseAlarm / 2 for all coordinates of a row.
Index comparisons(std::size_t parameters) {
  return static_cast<Index>(std::ceil(2 * diagnostics::family_false_alarm_rate / kFalseAlarm * static_cast<double>(parameters)));
}

PointRecord point_of(const BatchMoments& moments, const Judged& at) {
  PointRecord point;
  point.lambda = at.lambda;
  point.reference = at.mean;
  point.reference_error.assign(at.mean.size(), at.error);
  point.estimators.emplace_back().moments = moments;
  return point;
}

}  // namespace

std::vector<double> floor_of(const BatchMoments& moments, const Judged& at) {
  return diagnostics::rounding_floor(point_of(moments, at), at.mean_field);
}

bool judge_mean(const BatchMoments& moments, const Judged& at, SelftestRow& row) {
  const diagnostics::BiasGate gate =
      diagnostics::bias_gate(moments, point_of(moments, at), floor_of(moments, at), comparisons(at.mean.size()));
  const diagnostics::PooledMoments pooled = diagnostics::pool(moments);
  row.measured = 0;
  for (const double v : pooled.variance) row.measured += v;
  row.mean_z = gate.max_abs_z;
  row.threshold = gate.threshold;
  return gate.verdict != diagnostics::Verdict::unbiased;
}

bool judge_variance(const BatchMoments& moments, const Judged& at, std::span<const double> variance, SelftestRow& row) {
  const std::size_t parameters = variance.size();
  const std::vector<double> floor = floor_of(moments, at);
  Judged squares = at;
  squares.mean.assign(variance.begin(), variance.end());
  BatchMoments batches;
  batches.resize(moments.batches, moments.parameters, 0);
  std::vector<double> rounding(parameters);
  row.exact = 0;
  for (std::size_t p = 0; p < parameters; ++p) {
    row.exact += variance[p];
    rounding[p] = floor[p] * floor[p];
    for (std::size_t b = 0; b < moments.count.size(); ++b) {
      const double deviation = moments.square[b * parameters + p] / moments.count[b] - variance[p];
      batches.count[b] = 1;
      batches.sum[b * parameters + p] = deviation;
      batches.square[b * parameters + p] = deviation * deviation;
    }
  }
  const diagnostics::BiasGate gate = diagnostics::bias_gate(batches, point_of(batches, squares), rounding, comparisons(parameters));
  row.variance_z = gate.max_abs_z;
  row.threshold = gate.threshold;
  return gate.verdict != diagnostics::Verdict::unbiased;
}

bool judge_bound(const BatchMoments& moments, std::span<const double> bound, SelftestRow& row) {
  const std::size_t parameters = bound.size();
  row.exact = 0;
  for (const double v : bound) row.exact += v;
  const auto n = static_cast<double>(moments.count.size());
  std::vector<double> traces;
  double mean = 0;
  for (std::size_t b = 0; b < moments.count.size(); ++b) {
    double trace = 0;
    for (std::size_t p = 0; p < parameters; ++p) trace += moments.square[b * parameters + p] / moments.count[b];
    traces.push_back(trace);
    mean += trace / n;
  }
  double square = 0;
  for (const double trace : traces) square += (trace - mean) * (trace - mean) / (n - 1);
  row.variance_z = (mean - row.exact) / std::sqrt(square / n);
  row.threshold = boost::math::quantile(boost::math::complement(boost::math::students_t(n - 1), kFalseAlarm / 2));
  return !(row.variance_z <= row.threshold);
}

}  // namespace variscope::experiments
