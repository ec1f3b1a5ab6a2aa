/// Dual averaging.
#include "engine/samplers/dual_averaging.hpp"

#include <algorithm>
#include <cmath>

namespace variscope::samplers {

void DualAveraging::restart(double step_size) {
  state_[0] = step_size;
  state_[1] = std::log(10 * step_size);
  state_[2] = state_[3] = state_[4] = 0;
}

void DualAveraging::learn(double acceptance, double target) {
  const double rate = acceptance > 0 ? std::min(acceptance, 1.0) : 0.0;
  const double count = state_[2] += 1;
  const double weight = 1 / (count + 10);
  state_[3] = (1 - weight) * state_[3] + weight * (target - rate);
  const double log_step = state_[1] - state_[3] * std::sqrt(count) / 0.05;
  const double memory = std::pow(count, -0.75);
  state_[4] = (1 - memory) * state_[4] + memory * log_step;
  state_[0] = std::exp(log_step);
}

void DualAveraging::finish() {
  if (state_[2] > 0) state_[0] = std::exp(state_[4]);
}

}  // namespace variscope::samplers
