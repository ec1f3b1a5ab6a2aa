/// Random-walk Metropolis, its proposal adapted during warm-up.
#pragma once

#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/flaw.hpp"
#include "engine/samplers/metric.hpp"

namespace variscope::samplers {

struct RandomWalkSettings {
  MetricKind proposal = MetricKind::unit;  ///< unit: one scale for all coordinates
  double step_size = 0;                    ///< scale of the proposal before warm-up; 0: 2.38 / sqrt(dim)
  double target_acceptance = 0;            ///< 0: 0.44 in one dimension, 0.234 in more
  Flaw flaw = Flaw::none;
};

/// Proposal x + s L z, accepted with min(1, p(y) / p(x)). Metropolis et al. 1953. During warm-up log s moves by (1 + t)^-0.6 (acceptance -
/// target) behind iteration t since the last change of L (Andrieu and Thoms 2008, algorithm 4), and L L^T becomes the covariance of the
/// draws (Haario, Saksman, Tamminen 2001) at the ends of Stan's windows. Then both are frozen. Cost: a value an iteration.
class RandomWalkMetropolis final : public Sampler {
 public:
  RandomWalkMetropolis(Index dim, const RandomWalkSettings& settings);

  [[nodiscard]] bool uses_gradient() const override { return false; }
  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index state_size() const override;
  void start(const Run& run, Chain& chain) const override;
  bool set_variances(Chain& chain, std::span<const double> variances) const override;
  [[nodiscard]] Index scratch_size() const override { return 2 * padded(dim()); }
  Transition step(Step& step) const override;

 private:
  RandomWalkSettings settings_;
};

Entry random_walk_metropolis_entry();

}  // namespace variscope::samplers
