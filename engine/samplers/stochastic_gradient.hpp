/// Samplers along gradients of minibatches, never corrected: Langevin, Hamiltonian and Nose-Hoover dynamics.
#pragma once

#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/flaw.hpp"
#include "engine/samplers/sampler.hpp"

namespace variscope::samplers {

enum class Dynamics {
  langevin,     ///< SGLD: x += h/2 g + sqrt(h) z
  hamiltonian,  ///< SGHMC: p = (1 - a h) p + h g + sqrt(2 a h) z, x += h p
  nose_hoover,  ///< SGNHT: p = (1 - xi h) p + h g + sqrt(2 a h) z, x += h p, xi += h (p'p / dim - 1)
};

/// What the gradient of the minibatch is compared with, at an anchor where the gradient of all rows is known.
enum class RowControl {
  none,
  mode,      ///< the mode that the chain finds in iteration 0 and goes on from
  snapshot,  ///< where the chain was at the last refresh
};

struct StochasticGradientSettings {
  Dynamics dynamics = Dynamics::langevin;
  RowControl control = RowControl::none;
  double step_size = 1e-3;  ///< h
  double friction = 1;      ///< a; h a <= 1
  Index batch_rows = 100;   ///< B rows of N, without replacement
  Index refresh = 100;      ///< iterations between snapshots
  Flaw flaw = Flaw::none;   ///< no_correction: the anchor's full gradient is forgotten; half_step_missing: noise of half the variance
};

/// g = grad log prior + N / B sum of the batch's gradients; with an anchor a: grad log p(a) + g(x) - g(a), the same rows in both, whose
/// noise vanishes as x comes near a. Both are unbiased for the gradient; the chain's law is not the target's, for h > 0 nor for B < N: its
/// bias has to be measured against a reference. Chain::gradient and log_density are such estimates, at the position; lp in records is one.
/// Welling and Teh 2011, ICML; Chen, Fox, Guestrin 2014, ICML (equation 15, with the noise estimate 0); Ding et al. 2014, NeurIPS
/// (algorithm 2); Baker et al. 2019, Statistics and Computing 29 (mode); Dubey et al. 2016, NeurIPS (snapshot, algorithm 2). Cost: B row
/// gradients an iteration, 2 B with an anchor, and a gradient of all rows a snapshot, or some dozens to the mode.
class StochasticGradient final : public Sampler {
 public:
  StochasticGradient(Index dim, const StochasticGradientSettings& settings) : Sampler(dim), settings_(settings) {}

  [[nodiscard]] bool uses_gradient() const override { return true; }
  [[nodiscard]] std::vector<Statistic> statistics() const override;
  [[nodiscard]] Index state_size() const override;
  void start(const Run& run, Chain& chain) const override;
  [[nodiscard]] Index scratch_size() const override;
  Transition step(Step& step) const override;

 private:
  /// An anchor where one is due.
  Transition drop_anchor(Step& step) const;
  /// From Chain::gradient to the next position.
  void move(Step& step) const;

  StochasticGradientSettings settings_;
};

Entry sgld_entry();
Entry sghmc_entry();
Entry sgnht_entry();

}  // namespace variscope::samplers
