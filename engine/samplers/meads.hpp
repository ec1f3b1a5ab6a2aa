/// MEADS: generalised HMC whose step sizes, damping and scales every fold of chains takes from another fold, for ever.
#pragma once

#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/flaw.hpp"
#include "engine/samplers/sampler.hpp"

namespace variscope::samplers {

struct MeadsSettings {
  Index folds = 4;
  double step_size = 0.1;  ///< until there are statistics
  double damping = 0.5;    ///< likewise: of one iteration
  Flaw flaw = Flaw::none;
};

/// Hoffman and Sountsov 2022, AISTATS (PMLR 151), algorithm 3. Before iteration t, fold k of the chains takes scales, step size and damping
/// from the states of fold k - 1; fold t mod `folds` stands still. Folds are dealt anew every `folds` iterations: of each `folds`
/// consecutive chains one goes to each fold, in an order keyed by the iteration. Chains with less than 2 `folds` keep the given settings.
/// The two largest eigenvalues are estimated from second moments, dim x dim a fold, which is what bounds the dimension.
class Meads final : public Sampler {
 public:
  /// Second moments of all folds travel at every iteration.
  static constexpr Index kMostDim = 128;

  Meads(Index dim, const MeadsSettings& settings) : Sampler(dim), settings_(settings) {}

  [[nodiscard]] bool uses_gradient() const override { return true; }
  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index state_size() const override { return 2 + dim(); }
  void start(const Run& run, Chain& chain) const override;
  [[nodiscard]] Index scratch_size() const override { return 4 * padded(dim()); }
  Transition step(Step& step) const override;

  [[nodiscard]] Index shared_size() const override { return settings_.folds * fold_size(); }
  void start_shared(std::span<double> shared) const override;
  [[nodiscard]] Index next_meeting(const Run&, Index iteration) const override { return iteration + 1; }
  /// Means, then scales, then second moments.
  [[nodiscard]] Index stages() const override { return 3; }
  [[nodiscard]] Index partial_size() const override { return settings_.folds * (1 + 2 * triangle()); }
  void contribute(Index stage, const Chain& chain, std::span<const double> shared, std::span<double> partial) const override;
  void adapt(const Run& run, Index stage, Index iteration, std::span<const double> folded, std::span<double> shared) const override;

  /// Fold of chain `index` at an iteration; a function of the seed.
  [[nodiscard]] Index fold_of(std::uint64_t seed, Index index, Index iteration) const;

 private:
  /// Of `shared`, a fold: step size, damping, means, scales.
  [[nodiscard]] Index fold_size() const { return 2 + 2 * dim(); }
  [[nodiscard]] Index triangle() const { return dim() * (dim() + 1) / 2; }

  MeadsSettings settings_;
};

Entry meads_entry();

}  // namespace variscope::samplers
