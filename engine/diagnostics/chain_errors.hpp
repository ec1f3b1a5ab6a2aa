/// Monte Carlo standard errors of what chains estimate.
#pragma once

#include "engine/diagnostics/chain_draws.hpp"
#include "engine/diagnostics/ranks.hpp"

namespace variscope::diagnostics {

/// sd / sqrt(effective size for the mean). NaN where that is.
double mean_error(const ChainDraws& draws);

/// By the delta method from the effective size of the squared distances from the mean (Kenney and Keeping 1951, as the R package
/// posterior).
double deviation_error(const ChainDraws& draws);

/// Half the distance between the order statistics that bound a 68.3 % interval of the p-quantile: quantiles of
/// Beta(E p + 1, E (1 - p) + 1), E the effective size for the quantile (Vehtari et al. 2021, section 4.4). p in [0, 1].
double quantile_error(const ChainDraws& draws, double p);
/// The same where draws are sorted and E is known.
double quantile_error(const SortedDraws& sorted, Index draws, double p, double effective_size);

}  // namespace variscope::diagnostics
