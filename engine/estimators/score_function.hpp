/// Score-function estimators (REINFORCE): plain, and with the leave-one-out baseline. They need values of the density alone.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry score_function_raw_entry();
Entry score_function_leave_one_out_entry();

}  // namespace variscope::estimators
