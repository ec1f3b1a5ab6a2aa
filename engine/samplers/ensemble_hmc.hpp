/// HMC of many chains in step: one step size, one trajectory length and one scale for all, learned across the chains.
#pragma once

#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/flaw.hpp"
#include "engine/samplers/sampler.hpp"

namespace variscope::samplers {

/// What the trajectory length is to make large, per unit of it.
enum class LengthCriterion {
  chees,   ///< change of the squared distance from the mean: Hoffman, Radul, Sountsov 2021
  snaper,  ///< change of the squared principal component, per time: Sountsov and Hoffman 2021
};

struct EnsembleHmcSettings {
  LengthCriterion criterion = LengthCriterion::chees;
  double step_size = 0.1;
  double trajectory_length = 0;  ///< 0: one step
  double target_acceptance = 0.651;
  Index most_steps = 1000;
  Flaw flaw = Flaw::none;
};

/// Iteration t takes ceil(h_t T / epsilon) leapfrog steps, h_t the Halton sequence of base 2: a function of t, so that all chains of a
/// batch take the same number. Warm-up learns epsilon by dual averaging on the harmonic mean of the acceptances, T by stochastic ascent of
/// the criterion, and (snaper) the scale of each coordinate; all is frozen behind it, and every chain is then plain HMC.
class EnsembleHmc final : public Sampler {
 public:
  EnsembleHmc(Index dim, const EnsembleHmcSettings& settings) : Sampler(dim), settings_(settings) {}

  [[nodiscard]] bool uses_gradient() const override { return true; }
  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index state_size() const override { return 1 + 4 * dim(); }
  [[nodiscard]] Index scratch_size() const override { return 3 * padded(dim()); }
  Transition step(Step& step) const override;

  [[nodiscard]] Index shared_size() const override;
  void start_shared(std::span<double> shared) const override;
  [[nodiscard]] Index next_meeting(const Run& run, Index iteration) const override;
  [[nodiscard]] Index stages() const override { return 2; }
  [[nodiscard]] Index partial_size() const override;
  void contribute(Index stage, const Chain& chain, std::span<const double> shared, std::span<double> partial) const override;
  void adapt(const Run& run, Index stage, Index iteration, std::span<const double> folded, std::span<double> shared) const override;

 private:
  // Where a number of `shared` stands, behind those of the dual averaging; then vectors of dim() entries.
  static constexpr Index kLogLength = 5;
  static constexpr Index kSquare = 6;
  static constexpr Index kUpdates = 7;
  static constexpr Index kMeanLogLength = 8;
  static constexpr Index kMemory = 9;
  static constexpr Index kVectors = 10;
  // Which of the vectors behind.
  static constexpr Index kScale = 0;
  static constexpr Index kMean = 1;
  static constexpr Index kProposalMean = 2;
  static constexpr Index kVariance = 3;
  static constexpr Index kComponent = 4;
  static constexpr Index kVectorCount = 5;
  [[nodiscard]] double* vector(std::span<double> shared, Index which) const { return shared.data() + kVectors + which * dim(); }
  [[nodiscard]] const double* vector(std::span<const double> shared, Index which) const { return shared.data() + kVectors + which * dim(); }
  void center(Index iteration, std::span<const double> folded, std::span<double> shared) const;
  void learn(const Run& run, Index iteration, std::span<const double> folded, std::span<double> shared) const;
  /// Of the criterion of one trajectory with respect to log T, from `from` to `to` (positions), `velocity` at its end.
  [[nodiscard]] double slope(Index iteration, const double* from, const double* to, const double* velocity, double sign,
                             std::span<const double> shared) const;

  EnsembleHmcSettings settings_;
};

Entry chees_hmc_entry();
Entry snaper_hmc_entry();

}  // namespace variscope::samplers
