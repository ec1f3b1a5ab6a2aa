/// Potential scale reduction: do chains agree with each other and with themselves?
#pragma once

#include <cmath>

#include "engine/diagnostics/chain_draws.hpp"

namespace variscope::diagnostics {

/// sqrt((B / W + n - 1) / n) of chains of n draws: B = n var(chain means), W = mean of the chains' variances (Gelman and Rubin 1992 in the
/// form of Vehtari et al. 2021, Bayesian Analysis 16(2), equations 1-4), of the chains as they are. NaN for one chain, one draw, or
/// draws that are not finite or all equal; +infinity where only the chains differ. O(draws).
double basic_rhat(const ChainDraws& draws);

/// Rank-normalised split R-hat (Vehtari et al. 2021, section 4): of the draws and of their distances from the median.
struct Rhat {
  double bulk = 0;    ///< blind to chains of one location and different scales
  double folded = 0;  ///< sees those
  /// The larger; NaN if either is.
  [[nodiscard]] double value() const { return std::isnan(bulk) || bulk > folded ? bulk : folded; }
};
/// Infinite draws count as the largest ranks; one that is not a number makes it NaN. O(S log S).
Rhat rank_rhat(const ChainDraws& draws);

/// Nested R-hat of `superchains` groups of chains, group k the chains [k M, (k + 1) M), which share a start: sqrt(1 + B / W), B = var of
/// the groups' means, W = mean over groups of (var of its chains' means + mean of their variances) (Margossian et al. 2024, Bayesian
/// Analysis, equations 15-18). Of single draws the chains' variances are 0 and R-hat falls to sqrt(1 + 1 / M) at best, about. Not
/// rank-normalised. NaN as basic_rhat. Throws std::invalid_argument unless superchains >= 2 divides the number of chains.
double nested_rhat(const ChainDraws& draws, Index superchains);

}  // namespace variscope::diagnostics
