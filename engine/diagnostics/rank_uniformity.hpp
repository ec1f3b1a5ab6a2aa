/// Whether ranks are uniform: the test of simulation-based calibration.
#pragma once

#include <span>

#include "engine/index.hpp"

namespace variscope::diagnostics {

/// Exact p-value of ranks in 0 .. most being independent and uniform. Below each of `grid` - 1 cuts, as equally spaced as the ranks allow,
/// the number of ranks is binomial; the statistic is the least of their two-sided tail probabilities, and its distribution is exact, the
/// numbers being a Markov chain (Saeilynoja, Buerkner, Vehtari 2022, Statistics and Computing 32, section 2.2). Under the null it is at
/// most a with probability a or less, whatever the number of ranks. 1 for no ranks. Throws std::invalid_argument for ranks out of range.
/// O(grid n^2) for n ranks.
double rank_uniformity(std::span<const Index> ranks, Index most, Index grid = 20);

}  // namespace variscope::diagnostics
