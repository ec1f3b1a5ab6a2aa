/// Averages of an optimizer's iterates, kept in its state: the answer of a fit is then a mean over the tail.
#pragma once

#include <memory>

#include "engine/optimizers/optimizer.hpp"

namespace variscope::optimizers {

/// The parameter "average" of every entry:
/// 0: the answer is the last iterate.
/// share a in (0, 1): the mean of a tail that holds between a and 1 - (1 - a)^2 of all iterates, whatever their number, in two sums
///   (suffix averaging: Rakhlin, Shamir, Sridharan 2012, ICML, section 5, whose boundaries are powers of 1 / (1 - a)).
/// whole number W >= 1: the mean of the last W iterates, kept in a ring (W parameters() numbers of state).
/// Source of averaging itself: Polyak and Juditsky 1992, SIAM J. Control Optim. 30(4). The iterates are those after each step that was
/// taken; before the first, the answer is lambda.
Parameter average_parameter();

/// `inner` itself if average is 0. Throws UserError unless average is one of the above.
std::unique_ptr<Optimizer> with_average(std::unique_ptr<Optimizer> inner, double average);

}  // namespace variscope::optimizers
