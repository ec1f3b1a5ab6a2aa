/// The bias gate: does an estimator's mean agree with the reference gradient, and how small a bias would have been seen?
#include "engine/diagnostics/bias.hpp"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>

namespace variscope::diagnostics {

namespace {

/// Skewness of the total of all replicates per coordinate, from the batch sums: sum d^3 / (sum d^2)^1.5.
std::vector<double> skewness_of_total(const BatchMoments& moments, const PooledMoments& pooled) {
  const auto parameters = static_cast<std::size_t>(moments.parameters);
  std::vector<double> square(parameters, 0.0);
  std::vector<double> cube(parameters, 0.0);
  for (std::size_t b = 0; b < moments.count.size(); ++b) {
    const double* sum = &moments.sum[b * parameters];
    for (std::size_t p = 0; p < parameters; ++p) {
      const double d = sum[p] - moments.count[b] * pooled.deviation[p];
      square[p] += d * d;
      cube[p] += d * d * d;
    }
  }
  for (std::size_t p = 0; p < parameters; ++p) {
    cube[p] = square[p] > 0 ? cube[p] / std::pow(square[p], 1.5) : 0.0;
  }
  return cube;
}

/// Hall 1992, his cubic transformation with a = a third of the skewness of the total: monotone, removes the first-order effect of skewness.
double straightened(double t, double a) { return t + a * t * t + a * a * t * t * t / 3 + a / 2; }

/// The t whose straightened value is x.
double bent(double x, double a) { return std::abs(a) < 1e-12 ? x : (std::cbrt(1 + 3 * a * (x - a / 2)) - 1) / a; }

}  // namespace

Index comparisons(const std::vector<CellRecord>& cells) {
  Index total = 0;
  for (const CellRecord& cell : cells) {
    for (const PointRecord& point : cell.points) {
      total += static_cast<Index>(point.reference.size() * point.estimators.size());
    }
  }
  return total;
}

BiasGate bias_gate(const BatchMoments& moments, const PointRecord& point, std::span<const double> floor, Index comparisons) {
  BiasGate gate;
  const PooledMoments pooled = pool(moments);
  if (pooled.count < 2) {
    return gate;
  }
  const double two_sided = family_false_alarm_rate / (2 * static_cast<double>(std::max<Index>(comparisons, 1)));
  const boost::math::students_t student(pooled.count - 1);
  gate.threshold = boost::math::quantile(boost::math::complement(student, two_sided));
  const double power_reach = boost::math::quantile(boost::math::normal(), detection_power);

  const std::vector<double> skewness = skewness_of_total(moments, pooled);
  double length = 0;
  for (std::size_t p = 0; p < pooled.variance.size(); ++p) {
    const double noise = pooled.variance[p] / pooled.count;
    const double reference = point.reference_error[p] * point.reference_error[p];
    const double square = noise + reference + floor[p] * floor[p];
    length += point.reference[p] * point.reference[p] - reference;
    if (!std::isfinite(square) || !std::isfinite(pooled.deviation[p])) {
      return gate;  // undecided
    }
    const double error = std::sqrt(square);
    const double plain = pooled.deviation[p] == 0 ? 0.0 : pooled.deviation[p] / error;
    // The correction is itself estimated: it may clear an estimator, never accuse one.
    const double a = square > 0 ? skewness[p] / 3 * std::pow(noise / square, 1.5) : 0.0;
    const double z = std::min(std::abs(plain), std::abs(straightened(plain, a)));
    if (z > gate.max_abs_z || p == 0) {
      gate.max_abs_z = z;
      gate.worst_parameter = static_cast<Index>(p);
    }
    const double reach = std::max({gate.threshold, bent(gate.threshold, a), -bent(-gate.threshold, a)}) + power_reach;
    gate.detectable = std::max(gate.detectable, reach * error);
  }
  gate.verdict = gate.max_abs_z > gate.threshold ? Verdict::biased : Verdict::unbiased;
  gate.detectable_relative = length > 0 ? gate.detectable / std::sqrt(length) : std::numeric_limits<double>::infinity();
  return gate;
}

}  // namespace variscope::diagnostics
