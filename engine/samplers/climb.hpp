/// The way from a chain's start to a mode, as a part of its iteration: limited-memory BFGS on the full density.
#pragma once

#include "engine/samplers/step.hpp"
#include "engine/samplers/transition.hpp"

namespace variscope::samplers {

/// Where the climb stands. x and gradient: dim entries each, which stay where they are; value and gradient are those at x.
struct Summit {
  double* x = nullptr;
  double* gradient = nullptr;
  double value = 0;
};

/// Doubles of scratch that climb() uses.
Index climb_scratch(Index dim);
/// `co_await climb(step, dim, summit, scratch, most);` climbs from `summit` until a step promises less than 1e-10 of log density, or `most`
/// gradients are taken: the Newton decrement of a mode found is below 2e-10 (Nocedal and Wright 2006, algorithm 7.4, eight pairs; Armijo's
/// rule by halving). One gradient a trial.
Transition climb(Step& step, Index dim, Summit& summit, double* scratch, Index most);

}  // namespace variscope::samplers
