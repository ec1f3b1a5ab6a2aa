/// The learned mix of sticking the landing and closed-form entropy.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry mixed_landing_entry();

}  // namespace variscope::estimators
