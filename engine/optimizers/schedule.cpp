/// Step sizes as a function of the step's number: constant, geometric decay, Robbins-Monro.
#include "engine/optimizers/schedule.hpp"

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/optimizers/arguments.hpp"

namespace variscope::optimizers {

std::vector<Parameter> schedule_parameters(double step_size) {
  return {{"step_size", "size of step 0 times offset^power, above 0", step_size},
          {"decay", "factor of the step size from each step to the next, in (0, 1]", 1},
          {"power", "p of the factor 1 / (offset + step)^p, at least 0", 0},
          {"offset", "b of the factor 1 / (b + step)^power, above 0", 1}};
}

Schedule make_schedule(const Arguments& arguments) {
  Schedule schedule;
  schedule.step_size = number_above(arguments, "step_size", 0);
  schedule.decay = number_above(arguments, "decay", 0);
  if (schedule.decay > 1) {
    throw UserError(fmt::format("optimizer.decay: {} is above 1 (steps would grow without bound). Give 1 or less.", schedule.decay));
  }
  schedule.power = number_from(arguments, "power", 0, 1e3);
  schedule.offset = number_above(arguments, "offset", 0);
  return schedule;
}

}  // namespace variscope::optimizers
