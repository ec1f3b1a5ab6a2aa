/// The measure-valued derivative.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry measure_valued_entry();

}  // namespace variscope::estimators
