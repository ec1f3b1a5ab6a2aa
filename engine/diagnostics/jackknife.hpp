/// Delete-one-batch jackknife: on the log scale for positive statistics and ratios of two from the same replicates, plain for signed ones.
#pragma once

#include <vector>

#include "engine/diagnostics/estimate.hpp"
#include "engine/index.hpp"

namespace variscope::diagnostics {

/// A statistic of all batches and of all but one, with what its reliability is judged by.
struct LeaveOneOut {
  double value = 0;                ///< from all batches
  std::vector<double> without;     ///< [batch] the same statistic without that batch
  double floor = 0;                ///< |value| <= floor means zero up to rounding
  double tail = 0;                 ///< Hill's tail index of the replicates' squared norms, from tail_index()
  bool contested_maximum = false;  ///< another coordinate's variance cannot be told from the largest
};

/// Below these, an interval is made but marked too_few. Found by simulation, as is the rest of the criterion (jackknife.cpp).
inline constexpr Index least_batches = 20;
inline constexpr double least_replicates = 100;

/// Hill's estimate of 1 / tail exponent of the replicates' squared norm, from the largest sixth of the batches:
/// sqrt(sum of squared norms^2) of a batch is its largest norm where the tail is heavy. 0 if there are fewer than 60 batches,
/// too few to tell, or nothing was stored. Variance of the trace infinite at 1/2.
/// norm_square: [batch]. Source: Hill 1975, Annals of Statistics 3:1163-1174. Cost O(batches log batches).
double tail_index(std::vector<double> norm_square);

/// 95 % interval exp(log value -+ t se), longer on the side to which the pseudo-values are skewed, se from the jackknife for groups of
/// unequal size (Busing, Meijer & van der Leeden 1999, Statistics and Computing 9:3-8), t with an effective number of degrees of freedom
/// that falls with the kurtosis of the pseudo-values. count: [batch] replicates; empty batches are left out. Cost O(batches).
Estimate jackknife(const LeaveOneOut& statistic, const std::vector<double>& count);

/// The same for numerator / denominator, both from the same replicates (common random numbers), so that what they share
/// cancels. Zero over something is zero; something over zero is undefined.
Estimate jackknife_ratio(const LeaveOneOut& numerator, const LeaveOneOut& denominator, const std::vector<double>& count);

/// The same for a statistic that may be negative, such as an unbiased variance component: value +- t se, not cut at zero.
/// per_count: replicates that one unit of count stands for, e.g. gradients in a design.
Estimate jackknife_signed(const LeaveOneOut& statistic, const std::vector<double>& count, double per_count = 1);

}  // namespace variscope::diagnostics
