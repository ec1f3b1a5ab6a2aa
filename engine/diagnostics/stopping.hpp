/// Whether chains have drawn enough: targets of effective size and R-hat, for every scalar, at fixed numbers of draws.
#pragma once

#include "engine/diagnostics/chain_draws.hpp"

namespace variscope::diagnostics {

/// Which draws are looked at is a function of these alone, never of a clock. A rule that holds twice in a row ends the chains: one look
/// may be luck (Cobaya's rule; SAMPLERS.md). That estimates of chains which stop when they look good are biased is the price, and
/// calibration measures it (samplers::CalibrationSettings::stop).
struct StoppingRule {
  double effective_size = 0;  ///< least of bulk and tail size, of every scalar; 0: not asked
  double rhat = 0;            ///< rank-normalised split R-hat at the most; 0: not asked
  Index every = 100;          ///< iterations between looks

  [[nodiscard]] bool active() const { return effective_size > 0 || rhat > 0; }
  friend bool operator==(const StoppingRule&, const StoppingRule&) = default;
};

/// Of one scalar. constant: all draws are equal, and nothing can be said (a fixed element of a matrix, or chains that never moved).
enum class Mixing { unmet, met, constant };

/// Chains whose last draw is not finite have failed and are left out, as in tables; unmet without any other. The figures are those of
/// bulk_effective_size, tail_effective_size and rank_rhat. O(S log S).
Mixing judge(const StoppingRule& rule, const ChainDraws& draws);

/// What scalars' verdicts amount to: none unmet, and not all constant.
class MixingOfAll {
 public:
  void add(Mixing verdict) {
    unmet_ = unmet_ || verdict == Mixing::unmet;
    met_ = met_ || verdict == Mixing::met;
  }
  [[nodiscard]] bool unmet() const { return unmet_; }
  [[nodiscard]] bool met() const { return met_; }
  [[nodiscard]] bool hold() const { return met_ && !unmet_; }

 private:
  bool unmet_ = false;
  bool met_ = false;
};

}  // namespace variscope::diagnostics
