/// Score-function estimators with baselines and coefficients that are learned beforehand, or on the same samples.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry score_function_mean_entry();
Entry rao_blackwell_entry();
Entry rao_blackwell_same_samples_entry();

}  // namespace variscope::estimators
