/// Adam, for ascent.
#pragma once

#include "engine/optimizers/optimizer.hpp"
#include "engine/optimizers/schedule.hpp"

namespace variscope::optimizers {

struct AdamConstants {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// Kingma and Ba 2015 (ICLR), algorithm 1; the sign is that of ascent. State: beta1^t, beta2^t, first moments, second moments.
class Adam final : public Optimizer {
 public:
  explicit Adam(const Schedule& schedule, const AdamConstants& constants = {}) : schedule_(schedule), constants_(constants) {}

  [[nodiscard]] Index state_size(Index parameters) const override { return 2 + 2 * parameters; }
  void start(std::span<double> state) const override;
  [[nodiscard]] bool step(const StepInput& input, std::span<double> state, std::span<double> lambda) const override;

 private:
  Schedule schedule_;
  AdamConstants constants_;
};

Entry adam_entry();

}  // namespace variscope::optimizers
