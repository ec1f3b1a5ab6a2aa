/// Order statistics of simulated responses, means of densities, moments over rows.
#include "engine/diagnostics/predictive.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace variscope::diagnostics {

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// Of the partial: rows, mean and M2 of the log density, mean and M2 of the squared error, rows inside of each band, sum of their widths,
/// then the influences.
enum Place : std::size_t { rows, density_mean, density_square, error_mean, error_square, inside };
constexpr std::size_t kWidths = inside + kBands.size();
constexpr std::size_t kInfluence = kWidths + kBands.size();

/// Mean of exp(log_density) relative to its largest term, and that term.
struct Densities {
  double largest = -std::numeric_limits<double>::infinity();
  double mean = 0;

  explicit Densities(std::span<const double> log_density) {
    for (const double value : log_density) largest = std::max(largest, value);
    if (!std::isfinite(largest)) return;
    for (const double value : log_density) mean += std::exp(value - largest);
    mean /= static_cast<double>(log_density.size());
  }
  /// p(y | theta_s) / p(y); 1 where no draw gives the response a chance.
  [[nodiscard]] double ratio(double log_density) const { return std::isfinite(largest) ? std::exp(log_density - largest) / mean : 1.0; }
};

/// Mean and M2 of `value` joined to those of `count` earlier ones.
void join(double count, double value, double& mean, double& square) {
  const double delta = value - mean;
  mean += delta / (count + 1);
  square += delta * (value - mean);
}

void join(double left_count, double right_count, double right_mean, double right_square, double& mean, double& square) {
  const double total = left_count + right_count;
  const double delta = right_mean - mean;
  mean += delta * (right_count / total);
  square += right_square + delta * delta * (left_count * right_count / total);
}

}  // namespace

Index band_position(double probability, Index draws) {
  const double tail = static_cast<double>(draws + 1) * (1 - probability) / 2;
  return std::max<Index>(1, static_cast<Index>(std::lround(tail)));
}

double band_probability(double probability, Index draws) {
  return 1 - 2 * static_cast<double>(band_position(probability, draws)) / static_cast<double>(draws + 1);
}

RowPrediction predict_row(std::span<const double> mean, std::span<double> simulated, std::span<const double> log_density) {
  const auto draws = static_cast<Index>(simulated.size());
  const auto n = static_cast<double>(draws);
  RowPrediction row;
  for (const double value : mean) row.mean += value;
  row.mean /= n;
  double sum = 0;
  double square = 0;
  double count = 0;
  for (const double value : simulated) join(count++, value, sum, square);
  row.sd = std::sqrt(square / (n - 1));
  if (std::isnan(square)) {
    // Not ordered: no quantile is to be had.
    row.median = kUnknown;
    row.lower.fill(kUnknown);
    row.upper.fill(kUnknown);
  } else {
    std::sort(simulated.begin(), simulated.end());
    const auto at = [&](Index place) { return simulated[static_cast<std::size_t>(place)]; };
    row.median = 0.5 * (at((draws - 1) / 2) + at(draws / 2));
    for (std::size_t b = 0; b < kBands.size(); ++b) {
      const Index k = band_position(kBands[b], draws);
      row.lower[b] = at(k - 1);
      row.upper[b] = at(draws - k);
    }
  }
  if (log_density.empty()) {
    row.log_density = row.log_density_error = kUnknown;
    return row;
  }
  const Densities densities(log_density);
  row.log_density = densities.largest + (std::isfinite(densities.largest) ? std::log(densities.mean) : 0.0);
  double variance = 0;
  for (const double value : log_density) variance += (densities.ratio(value) - 1) * (densities.ratio(value) - 1);
  row.log_density_error = std::isfinite(densities.largest) ? std::sqrt(variance / (n - 1) / n) : kUnknown;
  return row;
}

std::size_t PredictiveSummary::size(Index draws) { return kInfluence + static_cast<std::size_t>(draws); }

void PredictiveSummary::add(const RowPrediction& row, double response, std::span<const double> log_density, std::span<double> partial) {
  const double error = (row.mean - response) * (row.mean - response);
  join(partial[rows], row.log_density, partial[density_mean], partial[density_square]);
  join(partial[rows], error, partial[error_mean], partial[error_square]);
  partial[rows] += 1;
  for (std::size_t b = 0; b < kBands.size(); ++b) {
    partial[inside + b] += row.lower[b] <= response && response <= row.upper[b] ? 1 : 0;
    partial[kWidths + b] += row.upper[b] - row.lower[b];
  }
  const Densities densities(log_density);
  for (std::size_t s = 0; s < log_density.size(); ++s) partial[kInfluence + s] += densities.ratio(log_density[s]) - 1;
}

void PredictiveSummary::merge(std::span<double> left, std::span<const double> right) {
  if (right[rows] == 0) return;
  join(left[rows], right[rows], right[density_mean], right[density_square], left[density_mean], left[density_square]);
  join(left[rows], right[rows], right[error_mean], right[error_square], left[error_mean], left[error_square]);
  left[rows] += right[rows];
  for (std::size_t i = inside; i < left.size(); ++i) left[i] += right[i];
}

PredictiveFigures PredictiveSummary::figures(std::span<const double> partial) {
  PredictiveFigures f;
  const double n = partial[rows];
  f.rows = n;
  if (n == 0) {
    f.log_density = f.log_density_error = f.monte_carlo_error = f.rmse = f.rmse_error = kUnknown;
    f.coverage.fill(kUnknown);
    f.width.fill(kUnknown);
    return f;
  }
  const auto error_of = [&](double square) { return n > 1 ? std::sqrt(square / (n - 1) / n) : kUnknown; };
  f.log_density = partial[density_mean];
  f.log_density_error = error_of(partial[density_square]);
  f.rmse = std::sqrt(partial[error_mean]);
  f.rmse_error = f.rmse > 0 ? error_of(partial[error_square]) / (2 * f.rmse) : 0.0;
  for (std::size_t b = 0; b < kBands.size(); ++b) {
    f.coverage[b] = partial[inside + b] / n;
    f.width[b] = partial[kWidths + b] / n;
  }
  double variance = 0;
  for (const double influence : partial.subspan(kInfluence)) variance += influence * influence;  // their sum is zero, up to rounding
  const auto draws = static_cast<double>(partial.size() - kInfluence);
  f.monte_carlo_error = std::sqrt(variance / (draws - 1) / draws) / n;
  return f;
}

}  // namespace variscope::diagnostics
