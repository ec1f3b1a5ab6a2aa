/// Stochastic gradient ascent, with momentum.
#pragma once

#include "engine/optimizers/optimizer.hpp"
#include "engine/optimizers/schedule.hpp"

namespace variscope::optimizers {

/// v <- momentum v + g; lambda <- lambda + step_size_t v. Robbins and Monro 1951; heavy ball: Polyak 1964, USSR Comput. Math. 4(5).
/// State: v; none without momentum.
class Sgd final : public Optimizer {
 public:
  explicit Sgd(const Schedule& schedule, double momentum = 0) : schedule_(schedule), momentum_(momentum) {}

  [[nodiscard]] Index state_size(Index parameters) const override { return momentum_ == 0 ? 0 : parameters; }
  [[nodiscard]] bool step(const StepInput& input, std::span<double> state, std::span<double> lambda) const override;

 private:
  Schedule schedule_;
  double momentum_;
};

Entry sgd_entry();

}  // namespace variscope::optimizers
