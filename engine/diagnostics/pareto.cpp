/// Pareto-smoothed importance sampling.
#include "engine/diagnostics/pareto.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace variscope::diagnostics {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kFewest = 5;  ///< excesses that a fit needs

/// Mean of log(1 - theta x), which is -shape... of the paper's k(theta) with the sign of its equation 4.
double mean_log1p(double theta, std::span<const double> excesses) {
  double sum = 0;
  for (const double x : excesses) sum += std::log1p(-theta * x);
  return sum / static_cast<double>(excesses.size());
}

double log_sum_exp(std::span<const double> values) {
  const double largest = *std::max_element(values.begin(), values.end());
  if (!std::isfinite(largest)) return largest;
  double sum = 0;
  for (const double value : values) sum += std::exp(value - largest);
  return largest + std::log(sum);
}

/// Inverse of the distribution function; shape 0 is the exponential.
double quantile(const ParetoFit& fit, double p) {
  return fit.shape == 0 ? -fit.scale * std::log1p(-p) : fit.scale * std::expm1(-fit.shape * std::log1p(-p)) / fit.shape;
}

}  // namespace

ParetoFit fit_pareto(std::span<const double> ascending, bool regularised) {
  const auto n = static_cast<double>(ascending.size());
  const auto points = static_cast<std::size_t>(30 + std::floor(std::sqrt(n)));
  const double quartile = ascending[static_cast<std::size_t>(std::floor(n / 4 + 0.5)) - 1];
  constexpr double kPrior = 3;  // the paper's prior on theta is of the scale of a third of the quartile
  std::vector<double> theta(points);
  std::vector<double> log_likelihood(points);
  for (std::size_t j = 0; j < points; ++j) {
    theta[j] = 1 / ascending.back() + (1 - std::sqrt(static_cast<double>(points) / (static_cast<double>(j) + 0.5))) / kPrior / quartile;
    const double k = mean_log1p(theta[j], ascending);
    log_likelihood[j] = n * (std::log(-theta[j] / k) - k - 1);
  }
  const double total = log_sum_exp(log_likelihood);
  double mean = 0;
  for (std::size_t j = 0; j < points; ++j) mean += theta[j] * std::exp(log_likelihood[j] - total);
  ParetoFit fit;
  fit.shape = mean_log1p(mean, ascending);
  fit.scale = -fit.shape / mean;
  constexpr double kWeight = 10;
  if (regularised) fit.shape = (fit.shape * n + 0.5 * kWeight) / (n + kWeight);
  if (std::isnan(fit.shape)) fit.shape = kInfinity;
  return fit;
}

double SmoothedWeights::threshold() const { return std::min(1 - 1 / std::log10(static_cast<double>(log_weights.size())), 0.7); }

SmoothedWeights smooth_weights(std::span<const double> log_ratios) {
  const std::size_t draws = log_ratios.size();
  SmoothedWeights result;
  const double largest = *std::max_element(log_ratios.begin(), log_ratios.end());
  const bool defined = std::isfinite(largest) && std::none_of(log_ratios.begin(), log_ratios.end(), [](double r) { return std::isnan(r); });
  if (!defined) {
    result.log_weights.assign(draws, kNaN);
    result.shape = result.log_mean_weight = result.effective_size = kNaN;
    return result;
  }
  std::vector<double>& weights = result.log_weights;
  for (const double r : log_ratios) weights.push_back(r - largest);
  // Ties are broken by position, so that the order of equal weights is a function of the draws.
  std::vector<std::size_t> order(draws);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return weights[a] != weights[b] ? weights[a] < weights[b] : a < b; });
  const auto count = static_cast<double>(draws);
  const auto tail = static_cast<std::size_t>(std::ceil(std::min(0.2 * count, 3 * std::sqrt(count))));
  result.shape = kNaN;
  if (tail >= kFewest) {
    const std::span<const std::size_t> last = std::span(order).last(tail);
    const double cutoff = std::exp(weights[order[draws - tail - 1]]);
    std::vector<double> excesses;
    for (const std::size_t i : last) excesses.push_back(std::exp(weights[i]) - cutoff);
    if (weights[last.back()] - weights[last.front()] < std::numeric_limits<double>::epsilon() / 100) {
      result.shape = -kInfinity;
    } else {
      // Weights that tie with the cutoff leave excesses of 0, at which the fit's likelihood is finite too; the quartile must not be one.
      const ParetoFit fit = fit_pareto(excesses);
      result.shape = fit.shape;
      result.tail = static_cast<Index>(tail);
      for (std::size_t j = 0; j < tail && std::isfinite(fit.shape); ++j) {
        const double p = (static_cast<double>(j) + 0.5) / static_cast<double>(tail);
        weights[last[j]] = std::min(std::log(quantile(fit, p) + cutoff), 0.0);
      }
    }
  }
  const double total = log_sum_exp(weights);
  double squares = 0;
  for (double& w : weights) {
    w -= total;
    squares += std::exp(2 * w);
  }
  result.log_mean_weight = largest + total - std::log(count);
  result.effective_size = 1 / squares;
  return result;
}

WeightedMoments weighted_moments(std::span<const double> log_weights, std::span<const double> values) {
  const std::size_t count = values.size();
  WeightedMoments moments;
  for (std::size_t i = 0; i < count; ++i) moments.mean += std::exp(log_weights[i]) * values[i];
  double variance = 0;
  double mean_square = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double w = std::exp(log_weights[i]);
    const double square = (values[i] - moments.mean) * (values[i] - moments.mean);
    variance += w * square;
    mean_square += w * w * square;
  }
  double variance_square = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double term = std::exp(log_weights[i]) * ((values[i] - moments.mean) * (values[i] - moments.mean) - variance);
    variance_square += term * term;
  }
  moments.mean_error = std::sqrt(mean_square);
  moments.sd = std::sqrt(variance);
  moments.sd_error = std::sqrt(variance_square) / (2 * moments.sd);
  return moments;
}

}  // namespace variscope::diagnostics
