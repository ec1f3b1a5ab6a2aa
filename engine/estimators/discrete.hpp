/// Estimators for Bernoulli variables: antithetic pairs, relaxations, and their combination.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry arm_entry();
Entry disarm_entry();
Entry rebar_entry();
Entry gumbel_softmax_entry();
Entry straight_through_entry();

}  // namespace variscope::estimators
