/// Annealed importance sampling from an independent normal prior.
#pragma once

#include "engine/models/model.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/flaw.hpp"
#include "engine/samplers/sampler.hpp"

namespace variscope::samplers {

struct AnnealingSettings {
  Index temperatures = 50;  ///< K: beta_k = (k / K)^power, k = 0 .. K. 1: importance sampling from the prior
  double power = 3;
  Index steps = 3;                 ///< leapfrog steps of the move at each temperature
  double step_size = 0.5;          ///< in standard deviations of the prior, before warm-up
  double target_acceptance = 0.8;  ///< of each temperature's step size in warm-up; 0: they stay as they are
  Flaw flaw = Flaw::none;
};

/// Neal 2001, Statistics and Computing 11(2). Every iteration is a run of its own: a draw from the prior, a Hamiltonian move at each of the
/// temperatures beta_1 .. beta_(K-1) between prior and posterior, prior likelihood^beta, and the weight of the end. Draws of one chain are
/// independent once warm-up is over (which adapts a step size for each temperature by dual averaging), and E exp(log_weight) is the
/// evidence: the integral of the density. A run whose likelihood vanishes has weight 0 and leaves the chain where it was.
/// Cost: 1 + (K - 1) steps gradients.
class AnnealedImportance final : public Sampler {
 public:
  /// The prior outlives the sampler.
  AnnealedImportance(const models::GaussianPrior& prior, const AnnealingSettings& settings);

  [[nodiscard]] bool uses_gradient() const override { return true; }
  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index state_size() const override;
  void start(const Run& run, Chain& chain) const override;
  [[nodiscard]] Index scratch_size() const override { return 6 * padded(dim()); }
  Transition step(Step& step) const override;

 private:
  [[nodiscard]] double beta(Index k) const;
  /// Normalised.
  [[nodiscard]] double log_prior(const double* x) const;

  const models::GaussianPrior& prior_;
  AnnealingSettings settings_;
  double constant_ = 0;  ///< of the log prior
};

Entry annealed_importance_entry();

}  // namespace variscope::samplers
