/// Sequential Monte Carlo from a reference to the target: a chain is a population of particles.
#pragma once

#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/flaw.hpp"
#include "engine/samplers/sampler.hpp"
#include "engine/samplers/tempered.hpp"

namespace variscope::samplers {

struct PopulationSettings {
  Index particles = 500;           ///< P
  double effective_share = 0.5;    ///< temperatures rise until the effective size of the weights is this share of P
  Index moves = 2;                 ///< of every particle at every temperature
  Index steps = 5;                 ///< leapfrog steps of a Hamiltonian move
  double step_size = 0.5;          ///< of the first temperature, in standard deviations of the particles
  double target_acceptance = 0.8;  ///< mean over particles that step sizes are led to; 0: they stay
  Flaw flaw = Flaw::none;          ///< of moves; no_correction: weights are forgotten when resampling
};

/// Del Moral, Doucet, Jasra 2006, JRSS B 68(3), section 3.3.2.3; temperatures by bisection on the effective size (Jasra, Stephens, Doucet,
/// Tsagaris 2011, Scandinavian Journal of Statistics 38(1)). Iteration 0 takes P draws of the reference through all temperatures: weigh by
/// (density / reference)^(change of beta), resample systematically (one uniform number a temperature), move; the scale of the moves is the
/// weighted standard deviation of the particles, and step sizes follow the mean acceptance. log_evidence is the sum of log mean weights:
/// `chains` populations are independent, and their spread is its error (diagnostics/evidence.hpp). Every later iteration moves one
/// particle, in turn, which is the chain's draw: draws leave the target invariant, and start as close to it as P particles come.
/// Cost: P (1 + temperatures x moves x steps) gradients in iteration 0, moves x steps later.
class SequentialMonteCarlo final : public Sampler {
 public:
  SequentialMonteCarlo(Reference reference, const PopulationSettings& settings);

  [[nodiscard]] bool uses_gradient() const override { return true; }
  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index state_size() const override;
  Transition step(Step& step) const override;

  /// A population as a chain's state holds it.
  [[nodiscard]] Particles particles(Chain& chain) const;

 private:
  Transition sweep(Step& step) const;
  /// `moves` of particles [first, last) at beta; the mean acceptance. set: keys them.
  Transition move_all(Step& step, Index first, Index last, double beta, std::uint32_t set, double& rate) const;
  /// The next temperature.
  [[nodiscard]] double next_beta(const Particles& all, double beta) const;
  /// Sets the scale of moves to the weighted standard deviations.
  void measure(Chain& chain, std::span<const double> weights) const;
  void resample(Step& step, std::span<const double> weights, std::uint32_t stage) const;

  Reference reference_;
  PopulationSettings settings_;
};

Entry sequential_monte_carlo_entry();

}  // namespace variscope::samplers
