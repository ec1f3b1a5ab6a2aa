/// Keys of models that mean nothing beside the data.
#pragma once

#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// Throws UserError for the first key of [model] that no path looks at, now that the data's columns are known: a prior of an intercept that
/// the design does not have, say.
void check_model_keys(const Plan& plan);

}  // namespace variscope::experiments
