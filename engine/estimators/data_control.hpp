/// Control variates for the noise of minibatches: expansions at the parameters of an earlier step, or of one step for every row.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry variance_reduced_entry();
Entry joint_control_entry();
/// Holds rows x dim numbers, at most kLargestRowTable.
Entry stored_gradients_entry();

/// Numbers of the largest table of stored gradients, which every rank holds: 32 MiB.
inline constexpr Index kLargestRowTable = Index{1} << 22;

}  // namespace variscope::estimators
