/// Adam, for ascent.
#include "engine/optimizers/adam.hpp"

#include <algorithm>
#include <cmath>

#include "engine/optimizers/arguments.hpp"

namespace variscope::optimizers {

void Adam::start(std::span<double> state) const {
  std::fill(state.begin(), state.end(), 0.0);
  state[0] = state[1] = 1.0;
}

bool Adam::step(const StepInput& input, std::span<double> state, std::span<double> lambda) const {
  if (!all_finite(input.gradient)) return false;
  const auto& [beta1, beta2, epsilon] = constants_;
  const double step_size = schedule_.at(input.step);
  double& beta1_power = state[0];
  double& beta2_power = state[1];
  const std::span<double> first = state.subspan(2, lambda.size());
  const std::span<double> second = state.subspan(2 + lambda.size(), lambda.size());
  beta1_power *= beta1;
  beta2_power *= beta2;
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    const double g = input.gradient[i];
    first[i] = beta1 * first[i] + (1 - beta1) * g;
    second[i] = beta2 * second[i] + (1 - beta2) * g * g;
    lambda[i] += step_size * (first[i] / (1 - beta1_power)) / (std::sqrt(second[i] / (1 - beta2_power)) + epsilon);
  }
  return true;
}

Entry adam_entry() {
  Entry entry;
  entry.name = "adam";
  entry.summary = "steps of about step_size in every parameter: running mean of gradients over the root of that of their squares";
  entry.source = "Kingma and Ba 2015 (ICLR), algorithm 1";
  entry.parameters = schedule_parameters(0.01);
  entry.parameters.insert(entry.parameters.end(), {{"beta1", "memory of the mean gradient, in [0, 1)", 0.9},
                                                   {"beta2", "memory of the mean square, in [0, 1)", 0.999},
                                                   {"epsilon", "added to the root mean square, above 0", 1e-8}});
  entry.make = [](const Arguments& arguments) {
    const AdamConstants constants{number_from(arguments, "beta1", 0, 1), number_from(arguments, "beta2", 0, 1),
                                  number_above(arguments, "epsilon", 0)};
    return std::make_unique<Adam>(make_schedule(arguments), constants);
  };
  return entry;
}

}  // namespace variscope::optimizers
