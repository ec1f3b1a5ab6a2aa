/// Elliptical slice sampling, for models with an independent normal prior.
#pragma once

#include "engine/models/model.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/flaw.hpp"

namespace variscope::samplers {

/// Murray, Adams, MacKay 2010 (AISTATS), figure 2: a point on the ellipse through the chain and a draw from the prior, at an angle from a
/// bracket that shrinks toward the chain until the likelihood is above the slice. Nothing to tune. Cost: a value a trial.
class EllipticalSlice final : public Sampler {
 public:
  /// The prior outlives the sampler.
  EllipticalSlice(const models::GaussianPrior& prior, Flaw flaw = Flaw::none);

  [[nodiscard]] bool uses_gradient() const override { return false; }
  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index scratch_size() const override { return 2 * padded(dim()); }
  Transition step(Step& step) const override;

 private:
  const models::GaussianPrior& prior_;
  Flaw flaw_;
};

Entry elliptical_slice_entry();

}  // namespace variscope::samplers
