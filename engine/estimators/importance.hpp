/// Gradients of the importance-weighted bound.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry importance_weighted_entry();
Entry importance_weighted_landing_entry();
Entry doubly_reparameterised_entry();

}  // namespace variscope::estimators
