/// Pathwise gradients of mixtures, whose components are summed over instead of drawn.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

/// pw_stratified: every sample's noise goes through every component.
Entry stratified_pathwise_entry();

}  // namespace variscope::estimators
