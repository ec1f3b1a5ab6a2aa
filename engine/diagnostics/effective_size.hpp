/// Effective sample sizes: how many independent draws know as much of a mean, a quantile, a standard deviation.
#pragma once

#include "engine/diagnostics/chain_draws.hpp"
#include "engine/diagnostics/ranks.hpp"

namespace variscope::diagnostics {

/// Effective size for the mean of the chains as they are, all lags of all chains together, cut by Geyer's initial positive and monotone
/// pairs (Geyer 1992, Statistical Science 7(4); Vehtari et al. 2021, equations 8-13), at most S log10 S. NaN for fewer than three draws a
/// chain, or draws that are not finite or all equal. O(S x lags kept), at most
/// O(S log draws).
/// Every detail is that of the R package posterior, which has its own way where no pair is kept (a chain whose neighbours are opposites, or
/// at most five draws): lag 0 then counts twice.
double effective_size(const ChainDraws& draws);

/// Of split, rank-normalised draws: for the centre of the distribution, defined without moments too.
double bulk_effective_size(const ChainDraws& draws);
/// The lesser of those for the 5 % and 95 % quantiles.
double tail_effective_size(const ChainDraws& draws);
/// For the estimate of the p-quantile: of the split indicators of x <= quantile. p in [0, 1].
double quantile_effective_size(const ChainDraws& draws, double p);
/// For the mean (split draws), and for the standard deviation (their distances from the mean).
double mean_effective_size(const ChainDraws& draws);
double deviation_effective_size(const ChainDraws& draws);

/// The same where the draws are sorted already.
double quantile_effective_size(const ChainDraws& draws, const SortedDraws& sorted, double p);

}  // namespace variscope::diagnostics
