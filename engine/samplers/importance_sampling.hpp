/// Importance sampling: independent draws from a normal or a Student proposal, with their weights.
#pragma once

#include <vector>

#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/flaw.hpp"
#include "engine/samplers/sampler.hpp"

namespace variscope::samplers {

/// mean + L z, or with degrees nu > 0 of freedom mean + L z sqrt(nu / chi^2_nu).
struct Proposal {
  std::vector<double> mean;    ///< dim entries
  std::vector<double> factor;  ///< L, lower triangular, dim x dim row by row, positive diagonal
  Index degrees = 0;           ///< 0: normal
};

/// Every iteration is a draw from the proposal and its log_weight, log density - log proposal: E exp(log_weight) is the evidence, and
/// diagnostics::smooth_weights() gives effective size, k-hat and smoothed weights of all chains' draws (Geweke 1989, Econometrica 57(6);
/// Vehtari et al. 2024, JMLR 25(72)). A draw without density has weight 0 and leaves the chain where it was.
/// With no proposal given, each chain makes its own in iteration 0: Laplace's, mean at the mode that it climbs to and precision minus the
/// Hessian there, by central differences of gradients; where that is not positive definite, the chain fails.
/// Cost: a value an iteration; Laplace: dozens of gradients and 2 dim, once.
class ImportanceSampling final : public Sampler {
 public:
  ImportanceSampling(Index dim, Proposal proposal, Flaw flaw = Flaw::none);
  /// Laplace's.
  ImportanceSampling(Index dim, Index degrees, Flaw flaw = Flaw::none) : ImportanceSampling(dim, Proposal{{}, {}, degrees}, flaw) {}

  [[nodiscard]] bool uses_gradient() const override { return proposal_.mean.empty(); }
  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index state_size() const override { return proposal_.mean.empty() ? dim() + dim() * dim() : 0; }
  [[nodiscard]] Index scratch_size() const override;
  Transition step(Step& step) const override;

 private:
  /// Laplace's proposal into Chain::state; false if there is none.
  Transition approximate(Step& step, bool& found) const;

  Proposal proposal_;
  Flaw flaw_;
};

/// Of a normal for every coordinate, independent.
Proposal independent_proposal(std::vector<double> mean, const std::vector<double>& sd, Index degrees);

Entry importance_sampling_entry();

}  // namespace variscope::samplers
