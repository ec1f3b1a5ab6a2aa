/// Hamiltonian Monte Carlo with a fixed number of steps.
#pragma once

#include "engine/samplers/gradient_sampler.hpp"

namespace variscope::samplers {

/// How long trajectories are.
struct TrajectorySettings {
  Index steps = 10;         ///< leapfrog steps, unless a time is given
  double time = 0;          ///< integration time: max(1, floor(time / step size)) steps, of the step size before jitter; 0: steps
  Index most_steps = 1024;  ///< however short the steps become
};

/// Momentum N(0, Sigma^-1), leapfrog steps, acceptance min(1, exp(-Delta H)). Duane et al. 1987; Neal 2011, algorithm of section 5.3.2;
/// steps jittered as of section 5.4.2.2. A trajectory ends where the density is not a finite number; that, or Delta H > 1000, is a
/// divergence. Cost: a gradient a step.
class Hmc final : public GradientSampler {
 public:
  Hmc(Index dim, const GradientSettings& settings, const TrajectorySettings& trajectory)
      : GradientSampler(dim, settings), trajectory_(trajectory) {}

  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index scratch_size() const override { return 4 * padded(dim()); }
  Transition step(Step& step) const override;

 private:
  TrajectorySettings trajectory_;
};

/// Energy errors above it are divergences: Stan's.
inline constexpr double kDivergence = 1000;

Entry hmc_entry();

}  // namespace variscope::samplers
