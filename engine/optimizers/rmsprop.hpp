/// RMSProp, for ascent.
#pragma once

#include "engine/optimizers/optimizer.hpp"
#include "engine/optimizers/schedule.hpp"

namespace variscope::optimizers {

/// s <- memory s + (1 - memory) g^2; lambda <- lambda + step_size_t g / (sqrt(s) + epsilon). s starts at 0 and is not corrected for it, so
/// that the first steps are longer by 1 / sqrt(1 - memory). State: s.
/// Source: Tieleman and Hinton 2012, lecture 6.5 of "Neural networks for machine learning".
class RmsProp final : public Optimizer {
 public:
  RmsProp(const Schedule& schedule, double memory, double epsilon) : schedule_(schedule), memory_(memory), epsilon_(epsilon) {}

  [[nodiscard]] Index state_size(Index parameters) const override { return parameters; }
  [[nodiscard]] bool step(const StepInput& input, std::span<double> state, std::span<double> lambda) const override;

 private:
  Schedule schedule_;
  double memory_;
  double epsilon_;
};

Entry rmsprop_entry();

}  // namespace variscope::optimizers
