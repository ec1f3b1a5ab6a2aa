/// Mean squared error of an estimator that is declared biased, and what of it is bias.
#include "engine/diagnostics/square_error.hpp"

#include <cmath>
#include <span>

namespace variscope::diagnostics {

namespace {

/// |mean|^2 - tr Var / n of deviations with these sums: the mean of products of different replicates.
double bias_square_of(double n, std::span<const double> sum, std::span<const double> square) {
  double result = 0;
  for (std::size_t p = 0; p < sum.size(); ++p) {
    result += sum[p] * sum[p] - square[p];
  }
  return result / (n * (n - 1));
}

double total_of(const std::vector<double>& values) {
  double result = 0;
  for (const double value : values) {
    result += value;
  }
  return result;
}

}  // namespace

SquareErrorStatistics square_error(const BatchMoments& moments, const PointRecord& point, const VarianceStatistics& variance) {
  SquareErrorStatistics statistics;
  statistics.count = moments.count;
  const auto parameters = static_cast<std::size_t>(moments.parameters);
  const auto blocks = static_cast<std::size_t>(moments.blocks);
  const double n = total_of(moments.count);
  std::vector<double> sum(parameters, 0.0);
  std::vector<double> square(parameters, 0.0);
  for (std::size_t b = 0; b < moments.count.size(); ++b) {
    for (std::size_t p = 0; p < parameters; ++p) {
      sum[p] += moments.sum[b * parameters + p];
      square[p] += moments.square[b * parameters + p];
    }
  }
  double reference = 0;
  double reference_variance = 0;
  for (std::size_t p = 0; p < parameters; ++p) {
    const double error = point.reference_error[p] * point.reference_error[p];
    const double bias = sum[p] / n;
    reference += error;
    reference_variance += 4 * bias * bias * error + 2 * error * error;
  }
  statistics.reference_error = std::sqrt(reference_variance);

  const double norm = total_of(moments.norm);
  statistics.total.value = norm / n - reference;
  statistics.bias_square.value = bias_square_of(n, sum, square) - reference;
  std::vector<double> rest_sum(parameters);
  std::vector<double> rest_square(parameters);
  for (std::size_t b = 0; b < moments.count.size(); ++b) {
    double own = 0;
    for (std::size_t k = 0; k < blocks; ++k) {
      own += moments.norm[b * blocks + k];
    }
    for (std::size_t p = 0; p < parameters; ++p) {
      rest_sum[p] = sum[p] - moments.sum[b * parameters + p];
      rest_square[p] = square[p] - moments.square[b * parameters + p];
    }
    const double rest = n - moments.count[b];
    statistics.total.without.push_back((norm - own) / rest - reference);
    statistics.bias_square.without.push_back(bias_square_of(rest, rest_sum, rest_square) - reference);
  }
  for (LeaveOneOut* part : {&statistics.total, &statistics.bias_square}) {
    part->floor = variance.total.floor;
    part->tail = variance.total.tail;
  }
  return statistics;
}

Estimate bias_square_estimate(const SquareErrorStatistics& statistics) {
  Estimate estimate = jackknife_signed(statistics.bias_square, statistics.count);
  if (estimate.has_interval() && estimate.error > 0) {
    const double wider = std::hypot(1, statistics.reference_error / estimate.error);
    const double reach = (estimate.upper - estimate.value) * wider;
    estimate.error *= wider;
    estimate.lower = estimate.value - reach;
    estimate.upper = estimate.value + reach;
  }
  return estimate;
}

}  // namespace variscope::diagnostics
