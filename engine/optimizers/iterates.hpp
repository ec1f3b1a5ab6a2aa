/// What one sequence of correlated iterates says about its own convergence: split R-hat, effective size, Monte Carlo standard error.
#pragma once

#include <span>

namespace variscope::optimizers {

/// Split R-hat of one sequence: its halves as two chains (Gelman et al. 2013, Bayesian Data Analysis, 3rd edition, equation 11.4, without
/// rank normalisation; Dhaka et al. 2020 apply it to iterates). 1 + O(1 / n) for a stationary sequence, above for one that drifts.
/// At least 4 values; the middle one of an odd number is left out. NaN where a value is not finite; 1 where all are equal.
double split_rhat(std::span<const double> sequence);

/// Effective number of independent values behind the mean: n / (1 + 2 sum of autocorrelations), summed over pairs of lags while their sum
/// is positive and made to fall (Geyer 1992, Stat. Sci. 7(4), initial monotone sequence). At most n log10 n, for antithetic sequences
/// (Vehtari et al. 2021). At least 4 values, else NaN; NaN where one is not finite; n where all are equal. O(n lags).
double effective_size(std::span<const double> sequence);

/// Standard error of the sequence's mean: its standard deviation over the root of effective_size.
double mean_error(std::span<const double> sequence);

}  // namespace variscope::optimizers
