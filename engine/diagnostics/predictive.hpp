/// Posterior predictive of data rows: bands and log predictive density of a row, and their summary over any number of rows.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "engine/index.hpp"

namespace variscope::diagnostics {

/// Probabilities of the central bands.
inline constexpr std::array<double, 3> kBands = {0.5, 0.9, 0.95};
/// Fewer draws leave nothing outside of the widest band.
inline constexpr Index kLeastPredictiveDraws = 100;

/// What is predicted of one row by S draws of the parameters. All are functions of the draws alone: samplers, fits and reweighted draws
/// can use them alike.
struct RowPrediction {
  double mean = 0;    ///< of E[y | theta] over the draws
  double sd = 0;      ///< of the simulated responses
  double median = 0;  ///< of the simulated responses
  std::array<double, kBands.size()> lower{};
  std::array<double, kBands.size()> upper{};
  double log_density = 0;        ///< log (1/S sum_s p(y | theta_s)); NaN without a response
  double log_density_error = 0;  ///< its Monte Carlo standard error (delta method)
};

/// Order statistics that are the ends of the central band of this probability among S simulated responses: positions k - 1 and S - k of
/// the sorted values, k = max(1, round((S + 1) (1 - probability) / 2)).
Index band_position(double probability, Index draws);
/// Probability that one more draw of a continuous response lies in that band, exactly: 1 - 2 k / (S + 1).
double band_probability(double probability, Index draws);

/// mean: E[y | theta_s]; simulated: one response drawn given each theta_s, sorted on return; log_density: log p(y | theta_s), empty where
/// there is no response. S >= 2 each. NaN among the simulated gives NaN bands. Source of the density: Gelman, Hwang, Vehtari 2014,
/// Statistics and Computing 24, eq. 5. Cost O(S log S).
RowPrediction predict_row(std::span<const double> mean, std::span<double> simulated, std::span<const double> log_density);

/// Summary of predictions over rows.
struct PredictiveFigures {
  double rows = 0;
  double log_density = 0;        ///< mean over rows: the expected log predictive density of a row (elpd / N) where rows were held out
  double log_density_error = 0;  ///< standard error over rows: their number is finite
  double monte_carlo_error = 0;  ///< of log_density, the number of draws being finite; draws are common to all rows
  double rmse = 0;               ///< of the predictive mean
  double rmse_error = 0;         ///< standard error over rows (delta method)
  std::array<double, kBands.size()> coverage{};  ///< share of responses in the central bands, ends included
  std::array<double, kBands.size()> width{};     ///< mean width of the bands
};

/// A mergeable summary of rows [tile by tile]: a flat partial of size(S) doubles, all zeros being the empty one.
/// Moments over rows (Chan, Golub, LeVeque 1983, eq. 2.1), and for each draw the sum over rows of p(y_n | theta_s) / p(y_n) - 1: the
/// influence of draw s on the summed log predictive density, whose variance over draws is that of the Monte Carlo error.
class PredictiveSummary {
 public:
  static std::size_t size(Index draws);
  /// Adds one row, which has a response. log_density: as for predict_row. Cost O(S).
  static void add(const RowPrediction& row, double response, std::span<const double> log_density, std::span<double> partial);
  /// left becomes the summary of left's rows followed by right's.
  static void merge(std::span<double> left, std::span<const double> right);
  /// NaN where there are no rows; errors over rows are NaN for a single one.
  static PredictiveFigures figures(std::span<const double> partial);
};

}  // namespace variscope::diagnostics
