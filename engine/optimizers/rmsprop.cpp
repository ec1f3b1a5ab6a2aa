/// RMSProp, for ascent.
#include "engine/optimizers/rmsprop.hpp"

#include <cmath>

#include "engine/optimizers/arguments.hpp"

namespace variscope::optimizers {

bool RmsProp::step(const StepInput& input, std::span<double> state, std::span<double> lambda) const {
  if (!all_finite(input.gradient)) return false;
  const double step_size = schedule_.at(input.step);
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    const double g = input.gradient[i];
    state[i] = memory_ * state[i] + (1 - memory_) * g * g;
    lambda[i] += step_size * g / (std::sqrt(state[i]) + epsilon_);
  }
  return true;
}

Entry rmsprop_entry() {
  Entry entry;
  entry.name = "rmsprop";
  entry.summary = "the gradient over the root of the running mean of its squares";
  entry.source = "Tieleman and Hinton 2012, lecture 6.5 (Neural networks for machine learning)";
  entry.parameters = schedule_parameters(1e-3);
  entry.parameters.insert(entry.parameters.end(), {{"memory", "memory of the mean square, in [0, 1)", 0.9},
                                                   {"epsilon", "added to the root mean square, above 0", 1e-8}});
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<RmsProp>(make_schedule(arguments), number_from(arguments, "memory", 0, 1),
                                     number_above(arguments, "epsilon", 0));
  };
  return entry;
}

}  // namespace variscope::optimizers
