/// AdaGrad over a window of the last gradients, as in PyMC. Biased: kept to be measured.
#pragma once

#include "engine/optimizers/optimizer.hpp"

namespace variscope::optimizers {

/// lambda <- lambda + step_size g / sqrt(S + epsilon), S the sum of the squares of the last W gradients of the parameter, this one
/// included (fewer at first, as zeros). State: steps taken, the squares in a ring. Cost O(W parameters).
/// Biased: S holds g, so a gradient of skewed noise has E[g / sqrt(S + epsilon)] != 0 where E[g] = 0, and the iterates settle off the
/// optimum by an amount that no smaller step size removes: with W = 1 at the median of the noise, for large W by about
/// -E[g^3] / (2 E[S]). Log scales have such gradients (1 - h s^2 eps^2 is skewed), so posterior sds come out wrong (pymc issue 8444).
/// Source: PyMC, pymc/variational/updates.py, adagrad_window (its defaults: 0.001, 10, 0.1); AdaGrad: Duchi, Hazan, Singer 2011, JMLR 12.
class AdagradWindow final : public Optimizer {
 public:
  AdagradWindow(double step_size, Index window, double epsilon) : step_size_(step_size), window_(window), epsilon_(epsilon) {}

  [[nodiscard]] Index state_size(Index parameters) const override { return 1 + window_ * parameters; }
  [[nodiscard]] bool step(const StepInput& input, std::span<double> state, std::span<double> lambda) const override;

 private:
  double step_size_;
  Index window_;
  double epsilon_;
};

Entry adagrad_window_entry();

}  // namespace variscope::optimizers
