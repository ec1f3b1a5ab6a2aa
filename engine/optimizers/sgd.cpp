/// Stochastic gradient ascent, with momentum.
#include "engine/optimizers/sgd.hpp"

#include "engine/optimizers/arguments.hpp"

namespace variscope::optimizers {

bool Sgd::step(const StepInput& input, std::span<double> state, std::span<double> lambda) const {
  if (!all_finite(input.gradient)) return false;
  const double step_size = schedule_.at(input.step);
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    double direction = input.gradient[i];
    if (momentum_ != 0) direction = state[i] = momentum_ * state[i] + direction;
    lambda[i] += step_size * direction;
  }
  return true;
}

Entry sgd_entry() {
  Entry entry;
  entry.name = "sgd";
  entry.summary = "step_size times the gradient: constant, geometric decay (decay), or a / (b + t)^p (power, offset); momentum";
  entry.source = "Robbins and Monro 1951, Ann. Math. Stat. 22(3); momentum: Polyak 1964, USSR Comput. Math. 4(5)";
  entry.parameters = schedule_parameters(1e-3);
  entry.parameters.push_back({"momentum", "memory of the direction, in [0, 1)", 0});
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<Sgd>(make_schedule(arguments), number_from(arguments, "momentum", 0, 1));
  };
  return entry;
}

}  // namespace variscope::optimizers
