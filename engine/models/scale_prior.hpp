/// Unknown positive numbers on the logarithm: what a spec says of one, and the density of its logarithm.
#pragma once

#include <string>

#include "engine/distributions/distribution.hpp"

namespace variscope::models {

/// What a spec says of a positive number: that it is known, or how it is distributed.
struct ScalePrior {
  bool fixed = false;
  double log_value = 0;  ///< of a fixed one
  distributions::Distribution prior;

  /// Whether it can be drawn.
  [[nodiscard]] bool proper() const { return fixed || prior.proper(); }
};

/// A distribution on the positive numbers, or flat. Throws UserError "key: problem (why). Suggestion.".
distributions::Distribution positive_prior(const std::string& text, const std::string& key);

/// positive_prior(), or "fixed(value)" with e^-limit <= value <= e^limit. Throws UserError "key: problem (why). Suggestion.".
ScalePrior parse_scale_prior(const std::string& text, const std::string& key, double limit);

/// log density of u = log s where s has the prior, log |J| = u included, and its two derivatives in u. Beyond |u| = limit the density is
/// cut to 0: value -infinity, derivatives those at the limit, which are finite up to limit = 100. A lane's bits do not depend on the
/// others.
distributions::Terms log_scale_terms(const distributions::Distribution& prior, simd::Pack u, double limit);

}  // namespace variscope::models
