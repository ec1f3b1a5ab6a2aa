/// AdaGrad over a window of the last gradients, as in PyMC. Biased: kept to be measured.
#include "engine/optimizers/adagrad_window.hpp"

#include <cmath>

#include "engine/optimizers/arguments.hpp"

namespace variscope::optimizers {

bool AdagradWindow::step(const StepInput& input, std::span<double> state, std::span<double> lambda) const {
  if (!all_finite(input.gradient)) return false;
  const auto place = static_cast<std::size_t>(static_cast<Index>(state[0]) % window_);
  const auto window = static_cast<std::size_t>(window_);
  state[0] += 1;
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    const double g = input.gradient[i];
    const std::span<double> squares = state.subspan(1 + i * window, window);
    squares[place] = g * g;
    double sum = 0;
    for (const double square : squares) sum += square;
    lambda[i] += step_size_ * g / std::sqrt(sum + epsilon_);
  }
  return true;
}

Entry adagrad_window_entry() {
  Entry entry;
  entry.name = "adagrad_window";
  entry.summary = "the gradient over the root of the sum of its last squares; biased where its noise is skewed, as that of log scales is";
  entry.source = "PyMC, pymc/variational/updates.py (its default); AdaGrad: Duchi, Hazan, Singer 2011, JMLR 12";
  entry.parameters = {{"step_size", "above 0", 1e-3},
                      {"window", "gradients in the sum, a whole number", 10},
                      {"epsilon", "added to the sum of squares, above 0", 0.1}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<AdagradWindow>(number_above(arguments, "step_size", 0), whole_number(arguments, "window", 1),
                                           number_above(arguments, "epsilon", 0));
  };
  return entry;
}

}  // namespace variscope::optimizers
