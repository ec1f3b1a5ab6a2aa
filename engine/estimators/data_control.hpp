/// Control variates for the noise of minibatches: expansions at the parameters of an earlier step.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry variance_reduced_entry();
Entry joint_control_entry();

}  // namespace variscope::estimators
