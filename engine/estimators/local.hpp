/// Local reparameterisation for models with a linear predictor.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry local_reparameterisation_entry();

}  // namespace variscope::estimators
