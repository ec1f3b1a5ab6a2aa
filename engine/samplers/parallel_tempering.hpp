/// Non-reversible parallel tempering: a chain is a ladder of replicas between a reference and the target.
#pragma once

#include <utility>

#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/flaw.hpp"
#include "engine/samplers/sampler.hpp"
#include "engine/samplers/tempered.hpp"

namespace variscope::samplers {

struct TemperingSettings {
  Index temperatures = 10;         ///< K >= 2: beta_0 = 0 < ... < beta_(K-1) = 1
  Index steps = 5;                 ///< leapfrog steps of an exploration
  double step_size = 0.5;          ///< in the reference's standard deviations, before warm-up
  double target_acceptance = 0.8;  ///< of each temperature's step size in warm-up; 0: they stay as they are
  bool learns_schedule = true;     ///< temperatures move in warm-up until rejections are equal
  Flaw flaw = Flaw::none;          ///< of explorations; no_correction: swaps are always made
};

/// A view of a ladder: a chain's state. Replica r is particle r; temperatures permute among replicas.
class Ladder {
 public:
  Ladder(double* state, Index temperatures, Index dim) : state_(state), count_(temperatures), dim_(dim) {}
  static Index size(Index temperatures, Index dim);

  [[nodiscard]] Index count() const { return count_; }
  [[nodiscard]] Particles replicas() const { return {state_ + of_each(kKinds), count_, dim_}; }
  /// The replica that has temperature k.
  [[nodiscard]] Index replica_at(Index k) const { return static_cast<Index>(number(0, k)); }
  void exchange(Index k) { std::swap(number(0, k), number(0, k + 1)); }
  void place(Index k, Index replica) { number(0, k) = static_cast<double>(replica); }
  [[nodiscard]] double& beta(Index k) { return number(1, k); }
  /// Of swaps between k and k + 1 since the schedule was set: their probabilities of rejection, added up, and how many.
  [[nodiscard]] double& rejections(Index k) { return number(2, k); }
  [[nodiscard]] double& swaps(Index k) { return number(3, k); }
  /// Stepping stone from k to k + 1 behind the warm-up: the largest log ratio so far, and the sum of ratios over it.
  [[nodiscard]] double& largest(Index k) { return number(4, k); }
  [[nodiscard]] double& sum(Index k) { return number(5, k); }
  /// Whether replica r has been at beta = 0 since it was at beta = 1.
  [[nodiscard]] double& upward(Index r) { return number(6, r); }
  [[nodiscard]] double* dual_averaging(Index k) { return state_ + of_each(7) + kDual * k; }
  /// Draws in the stepping stone, and round trips of replicas from beta = 0 to 1, behind the warm-up.
  [[nodiscard]] double& draws() { return state_[0]; }
  [[nodiscard]] double& round_trips() { return state_[1]; }
  /// Sum over neighbours of the mean probability of rejection: the barrier between reference and target, as far as K sees it.
  [[nodiscard]] double barrier();
  /// Sum over stones of the log mean ratio: log of the integral of the density; NaN without draws.
  [[nodiscard]] double log_evidence();

 private:
  static constexpr Index kDual = 5;
  static constexpr Index kKinds = 7 + kDual;
  [[nodiscard]] Index of_each(Index kind) const { return 2 + kind * count_; }
  [[nodiscard]] double& number(Index kind, Index k) const { return state_[of_each(kind) + k]; }

  double* state_;
  Index count_;
  Index dim_;
};

/// Syed, Bouchard-Cote, Deligiannidis, Doucet 2022, JRSS B 84(2). An iteration: a fresh draw of the reference at beta = 0 and a Hamiltonian
/// move at every other temperature, all gradients in one batch; then swaps of the temperatures of neighbours (k, k + 1), k even in even
/// iterations and odd in odd ones, with probability min(1, exp((beta_(k+1) - beta_k) (l_k - l_(k+1)))), l = log density - log reference:
/// one number of each replica, and nothing else moves. Warm-up sets the schedule several times to equal rejections (algorithm 3, linear
/// between temperatures) and each temperature's step size. The chain's draws are those of beta = 1; chains are independent of each other.
/// Evidence by stepping stone (Xie et al. 2011, Systematic Biology 60(2)) over the draws behind the warm-up: of `chains` chains, their last
/// log_evidence are independent estimates, whose spread is their error (diagnostics/evidence.hpp).
/// Cost: 1 + (K - 1) steps gradients.
class ParallelTempering final : public Sampler {
 public:
  ParallelTempering(Reference reference, const TemperingSettings& settings);

  [[nodiscard]] bool uses_gradient() const override { return true; }
  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index state_size() const override { return Ladder::size(settings_.temperatures, dim()); }
  void start(const Run& run, Chain& chain) const override;
  [[nodiscard]] Index scratch_size() const override { return padded(dim()); }
  Transition step(Step& step) const override;

  [[nodiscard]] Ladder ladder(Chain& chain) const { return {chain.state.data(), settings_.temperatures, dim()}; }

 private:
  /// Explorations at all temperatures; the mean acceptance.
  Transition explore(Step& step, double& rate) const;
  /// The mean probability of the swaps tried; NaN where there are none (two temperatures, odd iterations).
  [[nodiscard]] double swap(Step& step) const;
  void learn_schedule(Ladder& all) const;
  void weigh(Ladder& all) const;

  Reference reference_;
  TemperingSettings settings_;
};

Entry parallel_tempering_entry();

}  // namespace variscope::samplers
