/// The Metropolis-adjusted Langevin algorithm.
#pragma once

#include "engine/samplers/gradient_sampler.hpp"

namespace variscope::samplers {

/// Proposal y = x + eps^2 / 2 Sigma grad(x) + eps L z, L L^T = Sigma, accepted with min(1, p(y) q(x | y) / (p(x) q(y | x))). Besag 1994;
/// Roberts and Tweedie 1996, Bernoulli 2(4). Target acceptance 0.574: Roberts and Rosenthal 1998. Cost: a gradient an iteration.
class Mala final : public GradientSampler {
 public:
  using GradientSampler::GradientSampler;

  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index scratch_size() const override { return 4 * padded(dim()); }
  Transition step(Step& step) const override;
};

Entry mala_entry();

}  // namespace variscope::samplers
