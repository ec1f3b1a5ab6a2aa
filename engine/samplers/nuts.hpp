/// The No-U-Turn sampler.
#pragma once

#include "engine/samplers/gradient_sampler.hpp"

namespace variscope::samplers {

/// Multinomial sampling of trajectories that double until they turn back, with the generalised criterion: Hoffman and Gelman 2014, JMLR 15;
/// Betancourt 2017, arXiv:1701.02434, A.3 to A.4.2; the sub-tree checks, the biased choice between doublings and all constants are Stan
/// 2.32's. Iterative: sub-trees are pieces on a stack, merged two by two when they are of one height, so that a chain is one coroutine
/// frame. Random numbers are keyed by doubling and leaf. Cost: a gradient a step, at most 2^depth - 1.
class Nuts final : public GradientSampler {
 public:
  Nuts(Index dim, const GradientSettings& settings, int most_depth) : GradientSampler(dim, settings), most_depth_(most_depth) {}

  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index scratch_size() const override;
  Transition step(Step& step) const override;

 private:
  int most_depth_;
};

Entry nuts_entry();

}  // namespace variscope::samplers
