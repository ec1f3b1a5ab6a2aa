/// Split R-hat, effective size and standard error of one sequence of iterates.
#include "engine/optimizers/iterates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/optimizers/arguments.hpp"

namespace variscope::optimizers {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return sum / static_cast<double>(values.size());
}

/// Unbiased.
double variance_of(std::span<const double> values, double mean) {
  double sum = 0;
  for (const double x : values) sum += (x - mean) * (x - mean);
  return sum / static_cast<double>(values.size() - 1);
}

bool usable(std::span<const double> sequence) { return sequence.size() >= 4 && all_finite(sequence); }

}  // namespace

double split_rhat(std::span<const double> sequence) {
  if (!usable(sequence)) return kNaN;
  const std::size_t half = sequence.size() / 2;
  const auto n = static_cast<double>(half);
  const auto first = sequence.first(half);
  const auto last = sequence.last(half);
  const double left = mean_of(first);
  const double right = mean_of(last);
  const double within = 0.5 * (variance_of(first, left) + variance_of(last, right));
  const double between = 0.5 * (left - right) * (left - right);  // variance of two means, B / n
  if (between == 0 && within == 0) return 1;
  return std::sqrt((n - 1) / n + between / within);
}

double effective_size(std::span<const double> sequence) {
  if (!usable(sequence)) return kNaN;
  const std::size_t n = sequence.size();
  const auto count = static_cast<double>(n);
  const double mean = mean_of(sequence);
  const auto covariance = [&](std::size_t lag) {
    double sum = 0;
    for (std::size_t t = 0; t + lag < n; ++t) sum += (sequence[t] - mean) * (sequence[t + lag] - mean);
    return sum / count;
  };
  const double variance = covariance(0);
  if (variance == 0) return count;
  double sum = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t lag = 0; lag + 1 < n; lag += 2) {
    const double pair = ((lag == 0 ? variance : covariance(lag)) + covariance(lag + 1)) / variance;
    if (!(pair > 0)) break;
    least = std::min(least, pair);
    sum += least;
  }
  const double time = std::max(2 * sum - 1, 1 / std::log10(count));
  return count / time;
}

double mean_error(std::span<const double> sequence) {
  const double size = effective_size(sequence);
  return std::isnan(size) ? kNaN : std::sqrt(variance_of(sequence, mean_of(sequence)) / size);
}

}  // namespace variscope::optimizers
