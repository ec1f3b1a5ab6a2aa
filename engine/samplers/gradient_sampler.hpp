/// What samplers along gradients share: a step size and a metric in the chain's state, and Stan's warm-up of both.
#pragma once

#include <vector>

#include "engine/samplers/dual_averaging.hpp"
#include "engine/samplers/flaw.hpp"
#include "engine/samplers/metric.hpp"
#include "engine/samplers/sampler.hpp"

namespace variscope::samplers {

struct GradientSettings {
  MetricKind metric = MetricKind::diagonal;
  double step_size = 1;            ///< before warm-up, and for good without one
  double target_acceptance = 0.8;  ///< of warm-up; 0: the step size stays as it is
  double jitter = 0;               ///< step sizes vary uniformly by this share up and down, in [0, 1)
  Flaw flaw = Flaw::none;
};

/// Warm-up as Stan 2.32 does it (adapt_diag_e_nuts.hpp, adapt_dense_e_nuts.hpp, base_hmc.hpp): a search for a first step size by doubling
/// and halving, at the start and behind every change of the metric; dual averaging in between; the averaged step size at the end.
class GradientSampler : public Sampler {
 public:
  GradientSampler(Index dim, const GradientSettings& settings) : Sampler(dim), settings_(settings) {}

  [[nodiscard]] bool uses_gradient() const override { return true; }
  [[nodiscard]] Index state_size() const override;
  void start(const Run& run, Chain& chain) const override;
  bool set_variances(Chain& chain, std::span<const double> variances) const override;

 protected:
  [[nodiscard]] const GradientSettings& settings() const { return settings_; }
  [[nodiscard]] Metric metric(Chain& chain) const;
  [[nodiscard]] static DualAveraging dual_averaging(Chain& chain);
  /// Whether the iteration is to begin with `co_await find_step_size(step)`, which takes one gradient a trial and 4 padded(dim) of scratch.
  [[nodiscard]] bool step_size_is_due(const Step& step) const;
  Transition find_step_size(Step& step) const;
  /// The step size of this iteration, jitter included.
  [[nodiscard]] double step_size(Step& step) const;
  struct Decision {
    double acceptance = 0;  ///< probability
    bool accepted = false;
  };
  /// Metropolis' decision on a proposal of log density `value`; if it is taken, the chain moves there. log_ratio: of the densities, and of
  /// whatever makes the proposal reversible. Never taken where value is not finite, or log_ratio is no number.
  Decision decide(Step& step, const double* position, double value, const double* gradient, double log_ratio) const;
  /// Behind a warm-up iteration: learns from its mean acceptance and from where the chain stands.
  void warm_up(Step& step, double acceptance) const;

 private:
  GradientSettings settings_;
};

/// Keys that these samplers share in a spec; defaults: those of `settings`.
std::vector<Parameter> gradient_parameters(const GradientSettings& settings);
std::vector<Word> gradient_words();
/// Throws UserError.
GradientSettings gradient_settings(const Arguments& arguments);

}  // namespace variscope::samplers
