/// NewName: what it does in an iteration, in a line.
#pragma once

#include "engine/samplers/catalogue.hpp"

namespace variscope::samplers {

/// What an iteration does, its acceptance, its source, its cost.
class NewName final : public Sampler {
 public:
  /// step_size: scale of the proposal, positive.
  NewName(Index dim, double step_size) : Sampler(dim), step_size_(step_size) {}

  [[nodiscard]] bool uses_gradient() const override { return false; }
  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index scratch_size() const override { return 2 * padded(dim()); }
  Transition step(Step& step) const override;

 private:
  double step_size_;
};

Entry new_name_entry();

}  // namespace variscope::samplers
