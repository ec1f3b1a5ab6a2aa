/// NewName: what it estimates, and how, in a line.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry new_name_entry();

}  // namespace variscope::estimators
