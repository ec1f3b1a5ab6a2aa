/// The adaptive step size of automatic differentiation variational inference.
#include "engine/optimizers/advi_adaptive.hpp"

#include <cmath>

#include "engine/optimizers/arguments.hpp"

namespace variscope::optimizers {

bool AdviAdaptive::step(const StepInput& input, std::span<double> state, std::span<double> lambda) const {
  if (!all_finite(input.gradient)) return false;
  const double size = eta_ * std::pow(static_cast<double>(input.step + 1), -0.5 + 1e-16);
  const double fresh = state[0] == 0 ? 1 : alpha_;
  state[0] += 1;
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    const double g = input.gradient[i];
    double& square = state[1 + i];
    square = fresh * g * g + (1 - fresh) * square;
    lambda[i] += size * g / (tau_ + std::sqrt(square));
  }
  return true;
}

Entry advi_adaptive_entry() {
  Entry entry;
  entry.name = "advi_adaptive";
  entry.summary = "ADVI's step: step_size / sqrt(k) times the gradient over tau plus the root of the running mean of its squares";
  entry.source = "Kucukelbir, Tran, Ranganath, Gelman, Blei 2017, JMLR 18(14), equations 10 and 11";
  entry.parameters = {{"step_size", "the paper's eta, above 0", 0.1},
                      {"tau", "added to the root mean square, above 0", 1},
                      {"alpha", "weight of the newest square, in [0, 1)", 0.1}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<AdviAdaptive>(number_above(arguments, "step_size", 0), number_above(arguments, "tau", 0),
                                          number_from(arguments, "alpha", 0, 1));
  };
  entry.step_sizes = {100, 10, 1, 0.1, 0.01};
  return entry;
}

}  // namespace variscope::optimizers
