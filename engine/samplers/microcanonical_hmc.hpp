/// Microcanonical HMC with a Metropolis step: trajectories of constant speed that turn toward the gradient.
#pragma once

#include "engine/samplers/gradient_sampler.hpp"

namespace variscope::samplers {

struct MicrocanonicalSettings {
  double time = 1.5707963267948966;  ///< mean length of a trajectory over sqrt(dim), in the metric; a quarter period of a normal target
  Index most_steps = 1024;
};

/// A direction u, uniform on the unit sphere (in the metric), moves with constant speed sqrt(dim) and is turned by the gradient (isokinetic
/// leapfrog steps); accepted with min(1, exp(-energy error)), the error of the kicks included: exact. Trajectories last uniformly up to
/// twice their mean. Robnik, Cohn-Gordon, Seljak 2025, arXiv 2503.01707 (MAMS); the dynamics: Robnik, De Luca, Silverstein, Seljak 2023,
/// JMLR 24(311); Ver Steeg and Galstyan 2021, NeurIPS. Step sizes are in units of time, as HMC's. dim >= 2. Cost: a gradient a step.
class MicrocanonicalHmc final : public GradientSampler {
 public:
  MicrocanonicalHmc(Index dim, const GradientSettings& settings, const MicrocanonicalSettings& trajectory)
      : GradientSampler(dim, settings), trajectory_(trajectory) {}

  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index scratch_size() const override { return 4 * padded(dim()); }
  Transition step(Step& step) const override;

 private:
  MicrocanonicalSettings trajectory_;
};

Entry microcanonical_hmc_entry();

}  // namespace variscope::samplers
