/// How an estimator's samples depend on each other and on rows: what the formulas of variance components must know.
#pragma once

#include <optional>
#include <string>

#include "engine/diagnostics/noise.hpp"
#include "engine/record.hpp"

namespace variscope::experiments {

struct Dependence {
  enum class Sets { single, pairs, whole } sets = Sets::single;  ///< of samples that depend on each other: 1, 2, or all M
  bool own_noise_per_row = false;
  bool net = false;  ///< the samples are a randomised net, which replicas may split

  [[nodiscard]] Index set_size(Index samples) const { return sets == Sets::whole ? samples : (sets == Sets::pairs ? 2 : 1); }
};

/// From the catalogue; unknown names average independent samples.
Dependence dependence_of(const std::string& estimator);

/// The cell's sizes, M in sets. R included.
diagnostics::Setting setting_of(const CellRecord& cell, const Dependence& dependence);
/// The cell's policies, as far as they touch this estimator: without a net to split, replicas have noise of their own; all rows are never
/// drawn, "without replacement" then. Texts of old run files are taken as the defaults.
diagnostics::Policy policy_of(const CellRecord& cell, const Dependence& dependence);

}  // namespace variscope::experiments
