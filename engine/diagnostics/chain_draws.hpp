/// The draws of one scalar by several chains of equal length: what every chain diagnostic takes.
#pragma once

#include <span>
#include <vector>

#include "engine/index.hpp"

namespace variscope::diagnostics {

/// A view: values [chain x draw].
struct ChainDraws {
  std::span<const double> values;
  Index chains = 0;
  Index draws = 0;

  [[nodiscard]] std::span<const double> chain(Index c) const {
    return values.subspan(static_cast<std::size_t>(c * draws), static_cast<std::size_t>(draws));
  }
};

/// Each chain cut into two of floor(draws / 2); of an odd number the middle draw is left out, a chain of one draw stays whole.
struct SplitChains {
  explicit SplitChains(const ChainDraws& whole);
  [[nodiscard]] ChainDraws view() const { return {values, chains, draws}; }

  std::vector<double> values;  ///< [chain x draw]: chain c becomes 2 c and 2 c + 1
  Index chains = 0;
  Index draws = 0;
};

/// The mean, exact for equal values (and then nothing is left of their variance). NaN of none.
double mean_of(std::span<const double> values);
/// Sum of squared distances from `mean`.
double square_sum(std::span<const double> values, double mean);
/// The unbiased sample variance; NaN of fewer than two values.
double variance_of(std::span<const double> values);

/// No diagnostic is defined: no values, one that is not finite, or all within 2^-52 of each other (absolutely, as the R package posterior
/// has it).
bool degenerate(std::span<const double> values);

}  // namespace variscope::diagnostics
