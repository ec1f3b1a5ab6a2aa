/// How rows are judged: the reports' bias gate for means, and for mean squares as if each batch were one replicate.
#include "experiments/selftest/row.hpp"

#include <algorithm>

#include "engine/diagnostics/bias.hpp"
#include "engine/diagnostics/moments.hpp"

namespace variscope::experiments {

namespace {

/// Of sums of squares, relative: 2^12 machine epsilons, as rounding_floor() allows.
constexpr double kRounding = 4096 * std::numeric_limits<double>::epsilon();

constexpr double kNothing = 1e3;

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

std::uint64_t row_seed(std::uint64_t seed, std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  hash += seed * 0x9e3779b97f4a7c15ULL;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31);
}

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
  std::vector<double> traces(moments.count.size(), 0.0);
  for (std::size_t p = 0; p < parameters; ++p) {
    row.exact += variance[p];
    rounding[p] = floor[p] * floor[p];
    for (std::size_t b = 0; b < moments.count.size(); ++b) {
      const double square = moments.square[b * parameters + p] / moments.count[b];
      const double deviation = square - variance[p];
      traces[b] += square;
      batches.count[b] = 1;
      batches.sum[b * parameters + p] = deviation;
      batches.square[b * parameters + p] = deviation * deviation;
    }
  }
  judge_batches(traces, row.exact, static_cast<double>(parameters) * at.error, row);  // for its power; the verdict is by coordinates
  const diagnostics::BiasGate gate = diagnostics::bias_gate(batches, point_of(batches, squares), rounding, comparisons(parameters));
  row.variance_z = gate.max_abs_z;
  row.threshold = gate.threshold;
  return gate.verdict != diagnostics::Verdict::unbiased;
}

bool judge_batches(std::span<const double> batches, double exact, double error, SelftestRow& row) {
  BatchMoments deviations;
  deviations.resize(static_cast<Index>(batches.size()), 1, 0);
  double size = std::abs(exact);
  for (std::size_t b = 0; b < batches.size(); ++b) {
    const double deviation = batches[b] - exact;
    deviations.count[b] = 1;
    deviations.sum[b] = deviation;
    deviations.square[b] = deviation * deviation;
    size = std::max(size, std::abs(batches[b]));
  }
  PointRecord point;
  point.reference = {exact};
  point.reference_error = {error};
  const std::vector<double> rounding = {kRounding * size};
  const diagnostics::BiasGate gate = diagnostics::bias_gate(deviations, point, rounding, comparisons(1));
  row.variance_z = gate.max_abs_z;
  row.threshold = gate.threshold;
  // A variance of nothing but rounding has no relative error.
  if (gate.detectable < kNothing * exact) row.detectable = gate.detectable / exact;
  return gate.verdict != diagnostics::Verdict::unbiased;
}

}  // namespace variscope::experiments
