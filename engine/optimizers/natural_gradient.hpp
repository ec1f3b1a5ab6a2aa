/// Natural-gradient ascent of an ELBO for Gaussian families: the Bayesian learning rule in precision and mean.
#pragma once

#include "engine/optimizers/optimizer.hpp"
#include "engine/optimizers/schedule.hpp"

namespace variscope::optimizers {

/// With g the ELBO's gradient in the family's lambda and a the step size:
///   precision <- precision - a (precision + E_q[Hessian of l]),  mean <- mean + a precision_new^-1 E_q[gradient of l]
/// (Khan and Rue 2023, JMLR 24(281): the variational online Newton method, there with l minus the loss). Both expectations are recovered
/// from g by the chain rule, so no Hessian is asked for: L' dELBO/dL has the lower triangle of L' E[Hessian] L + 1 (Murray 2016,
/// arXiv:1602.07527); mean field takes its diagonal. a = 1 reaches a Gaussian target's optimum in one step; to first order in a this is
/// lambda <- lambda + a F^-1 g, which is what discrete families with a diagonal Fisher information F take as it stands.
///
/// A noisy step may leave the positive definite matrices: that step, or every one if `correction`, adds the second-order term
/// a^2/2 D precision^-1 D, D being the precision's change over a, which keeps it positive definite whatever g (Lin, Schmidt, Khan 2020,
/// ICML, "Handling the positive-definite constraint in the Bayesian learning rule").
///
/// No state. Mean field O(dim), full rank O(dim^3). A step whose result is not finite is not taken.
class NaturalGradient final : public Optimizer {
 public:
  NaturalGradient(const Schedule& schedule, bool correction) : schedule_(schedule), correction_(correction) {}

  [[nodiscard]] Index state_size(Index) const override { return 0; }
  /// std::logic_error unless input.family is one that the entry serves.
  [[nodiscard]] bool step(const StepInput& input, std::span<double> state, std::span<double> lambda) const override;

 private:
  Schedule schedule_;
  bool correction_;
};

Entry natural_gradient_entry();

}  // namespace variscope::optimizers
