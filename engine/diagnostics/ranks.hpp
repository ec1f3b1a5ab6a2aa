/// Draws in order, once for everything that needs an order: rank-normalised values, folded ones, medians and quantiles.
#pragma once

#include <vector>

#include "engine/diagnostics/chain_draws.hpp"

namespace variscope::diagnostics {

/// Normal scores of ranks: Phi^-1((r - 3/8) / (S + 1/4)), S draws (Blom 1958; Vehtari et al. 2021, equation 14). Rank r of tied draws is
/// the mean of theirs, so that 2 r is a whole number, which the scores are listed by.
class NormalScores {
 public:
  explicit NormalScores(Index draws);
  [[nodiscard]] double of_twice(Index twice_rank) const { return scores_[static_cast<std::size_t>(twice_rank)]; }
  [[nodiscard]] Index draws() const { return draws_; }

 private:
  Index draws_;
  std::vector<double> scores_;
};

/// One scalar's draws, sorted. Infinite draws are in order like others; with one that is not a number, everything is NaN.
class SortedDraws {
 public:
  /// O(S log S), a radix sort where S is large. `draws` must outlive the object; at least one.
  explicit SortedDraws(const ChainDraws& draws);

  [[nodiscard]] bool has_nan() const { return has_nan_; }
  [[nodiscard]] double median() const;
  /// Hyndman and Fan's type 7 (R's default): linear between order statistics at 1 + (S - 1) p. p in [0, 1].
  [[nodiscard]] double quantile(double p) const;
  /// Order statistic number i = 1 .. S.
  [[nodiscard]] double at(Index i) const { return order_[static_cast<std::size_t>(i - 1)].value; }

  /// Normal scores of the split chains' draws among each other. `scores` must be of as many draws: split_draws(draws).
  [[nodiscard]] SplitChains rank_normalised(const NormalScores& scores) const;
  /// The same of |draw - median|: sensitive to scale where the draws themselves are to location.
  [[nodiscard]] SplitChains folded_rank_normalised(const NormalScores& scores) const;

 private:
  struct Entry {
    double value;
    Index place;  ///< chain x draws + draw
  };
  struct ByValue;
  template <class Next>
  [[nodiscard]] SplitChains scored(const NormalScores& scores, Next next) const;

  ChainDraws draws_;
  bool has_nan_ = false;
  std::vector<Entry> order_;  ///< ascending
};

/// Draws of all chains that are left when chains are split.
inline Index split_draws(const ChainDraws& draws) { return draws.draws < 2 ? draws.chains : draws.chains * 2 * (draws.draws / 2); }

}  // namespace variscope::diagnostics
