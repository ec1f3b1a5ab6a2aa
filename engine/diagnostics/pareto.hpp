/// Pareto-smoothed importance sampling: how far an approximation's weights may be trusted, and moments corrected by them.
#pragma once

#include <span>
#include <vector>

#include "engine/index.hpp"

namespace variscope::diagnostics {

/// Generalised Pareto distribution of an excess x > 0: survival (1 + shape x / scale)^(-1 / shape).
struct ParetoFit {
  double shape = 0;
  double scale = 0;
};

/// Zhang and Stephens 2009 (Technometrics 51(3)): the posterior mean of -shape / scale over a grid of 30 + floor(sqrt(n))
/// points. regularised: the shape is drawn towards 0.5 as if by ten further excesses (Vehtari et al. 2024, JMLR 25(72)).
/// ascending: n >= 5 excesses in ascending order, all above 0 and finite. The shape is +infinity where the fit is not a number. O(n^1.5).
ParetoFit fit_pareto(std::span<const double> ascending, bool regularised = true);

/// Importance weights whose largest are replaced by quantiles of the Pareto distribution fitted to them.
struct SmoothedWeights {
  double shape = 0;                 ///< k-hat: NaN where nothing could be fitted; -infinity where the largest weights are all equal
  Index tail = 0;                   ///< weights smoothed
  std::vector<double> log_weights;  ///< their exponentials add up to 1
  double log_mean_weight = 0;       ///< log of the mean of the weights before normalisation: the log evidence estimate
  double effective_size = 0;        ///< 1 / sum of squared normalised weights

  /// Vehtari et al. 2024: min(1 - 1 / log10 S, 0.7), beyond which S draws are too few to trust anything weighted.
  [[nodiscard]] double threshold() const;
  [[nodiscard]] bool reliable() const { return shape <= threshold(); }
};

/// Vehtari, Simpson, Gelman, Yao, Gabry 2024, JMLR 25(72), algorithm 1: tail of the min(S / 5, 3 sqrt(S)) largest weights, no smoothed
/// weight above the largest raw one. log_ratios: log p - log q of S >= 1 draws from q, up to a constant; -infinity is a weight of 0. With
/// fewer than 21 draws nothing is fitted (shape NaN) and the raw weights are kept; a ratio that is NaN or +infinity makes everything NaN.
/// O(S log S).
SmoothedWeights smooth_weights(std::span<const double> log_ratios);

/// A weighted mean and standard deviation of one quantity, with their standard errors.
struct WeightedMoments {
  double mean = 0;
  double mean_error = 0;
  double sd = 0;
  double sd_error = 0;
};

/// Self-normalised importance sampling: mean sum w x, error sqrt(sum w^2 (x - mean)^2) (Geweke 1989, Econometrica 57(6));
/// sd by sum w (x - mean)^2, its error by the delta method. The draws behind the weights are independent; too short where the weights are
/// not reliable(). log_weights: normalised; values: as many.
WeightedMoments weighted_moments(std::span<const double> log_weights, std::span<const double> values);

}  // namespace variscope::diagnostics
