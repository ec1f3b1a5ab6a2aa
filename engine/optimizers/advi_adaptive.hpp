/// The adaptive step size of automatic differentiation variational inference.
#pragma once

#include "engine/optimizers/optimizer.hpp"

namespace variscope::optimizers {

/// lambda <- lambda + eta k^(-1/2 + 1e-16) g / (tau + sqrt(s)) at step k = 1, 2, ..., with s <- alpha g^2 + (1 - alpha) s, s = g^2 at
/// first. Kucukelbir, Tran, Ranganath, Gelman, Blei 2017, JMLR 18(14), equations 10 and 11; tau = 1, alpha = 0.1; eta (here step_size) from
/// {100, 10, 1, 0.1, 0.01} by short runs. State: steps taken, s.
class AdviAdaptive final : public Optimizer {
 public:
  AdviAdaptive(double eta, double tau, double alpha) : eta_(eta), tau_(tau), alpha_(alpha) {}

  [[nodiscard]] Index state_size(Index parameters) const override { return 1 + parameters; }
  [[nodiscard]] bool step(const StepInput& input, std::span<double> state, std::span<double> lambda) const override;

 private:
  double eta_;
  double tau_;
  double alpha_;
};

Entry advi_adaptive_entry();

}  // namespace variscope::optimizers
