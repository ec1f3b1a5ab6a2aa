/// Step sizes as a function of the step's number: constant, geometric decay, Robbins-Monro.
#pragma once

#include <cmath>
#include <vector>

#include "engine/optimizers/optimizer.hpp"

namespace variscope::optimizers {

/// step_size decay^t / (offset + t)^power at step t = 0, 1, ...: constant by default, geometric with decay < 1 (ADVI in Stan's tutorials:
/// 1 - 5e-5 a step), a / (b + t)^p of Robbins and Monro 1951 (Ann. Math. Stat. 22(3)) with power in (1/2, 1].
struct Schedule {
  double step_size = 0;
  double decay = 1;
  double power = 0;
  double offset = 1;

  [[nodiscard]] double at(Index step) const {
    const auto t = static_cast<double>(step);
    const double base = offset + t;
    return step_size * std::pow(decay, t) / (power == 0.5 ? std::sqrt(base) : std::pow(base, power));
  }
};

/// "step_size" with this default, "decay", "power", "offset": what an entry whose step size follows a Schedule declares.
std::vector<Parameter> schedule_parameters(double step_size);

/// Throws UserError unless step_size > 0, 0 < decay <= 1, power >= 0 and offset > 0, all finite.
Schedule make_schedule(const Arguments& arguments);

}  // namespace variscope::optimizers
