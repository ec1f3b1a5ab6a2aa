/// The interface of every sampler: an iteration as a coroutine over a chain of plain numbers, adaptation as a function of folded ones.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "engine/samplers/chain.hpp"
#include "engine/samplers/step.hpp"
#include "engine/samplers/transition.hpp"

namespace variscope::samplers {

/// How a statistic is stored: booleans as int8, counts as int64.
enum class StatisticKind { real, count, boolean };

/// What is recorded of every iteration beside the draw, by ArviZ's names where there is one.
struct Statistic {
  std::string name;
  std::string description;
  StatisticKind kind = StatisticKind::real;
};

/// Stateless: all that changes stands in chains and in `shared`. Thread-safe: const calls for different chains share nothing.
class Sampler {
 public:
  explicit Sampler(Index dim) : dim_(dim) {}
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  virtual ~Sampler() = default;

  [[nodiscard]] Index dim() const { return dim_; }
  /// Whether Chain::gradient is kept: the gradient at the position when the iteration begins.
  [[nodiscard]] virtual bool uses_gradient() const = 0;
  /// The statistics that step() fills. Behind the common ones (common_statistics) in every record.
  [[nodiscard]] virtual std::vector<Statistic> statistics() const = 0;
  /// Entries of Chain::state.
  [[nodiscard]] virtual Index state_size() const { return 0; }
  /// Chain::state before iteration 0: position, log density and gradient are there. Default: nothing.
  virtual void start(const Run& run, Chain& chain) const;
  /// Gives a chain that start() has seen the variances (dim entries, above 0) that its metric or proposal begins with; on the diagonal of a
  /// dense one. False, and nothing done: it has none. Default.
  virtual bool set_variances(Chain& chain, std::span<const double> variances) const;
  /// Doubles that an iteration may use and forget.
  [[nodiscard]] virtual Index scratch_size() const { return 0; }
  /// One iteration: moves chain->position, log_density, gradient (if used) and state. Whoever calls it counts the iteration.
  /// A proposal whose density is not a finite number is not accepted.
  virtual Transition step(Step& step) const = 0;

  // Adaptation across chains. Chains meet at fixed iterations; each then contributes partials, which are folded by the tree over the
  // chains' global indices, stage by stage, and `shared` becomes a function of what was folded.

  [[nodiscard]] virtual Index shared_size() const { return 0; }
  virtual void start_shared(std::span<double> shared) const;
  /// The first iteration after `iteration` before which chains meet: none may begin it earlier. Default: never.
  [[nodiscard]] virtual Index next_meeting(const Run& run, Index iteration) const;
  /// Folds at one meeting, each seeing what the one before has put into `shared`.
  [[nodiscard]] virtual Index stages() const { return 1; }
  [[nodiscard]] virtual Index partial_size() const { return 0; }
  /// Adds a chain into its leaf, which is zero. Chains that failed contribute nothing and are not asked.
  virtual void contribute(Index stage, const Chain& chain, std::span<const double> shared, std::span<double> partial) const;
  /// left = left (+) right. Default: sums. All zeros is "no chain".
  virtual void merge(Index stage, std::span<double> left, std::span<const double> right) const;
  /// iteration: the first after the meeting.
  virtual void adapt(const Run& run, Index stage, Index iteration, std::span<const double> folded, std::span<double> shared) const;

 private:
  Index dim_;
};

inline constexpr Index kNever = std::numeric_limits<Index>::max();

/// Recorded for every sampler, first: lp (log density of the draw, on the unconstrained scale), n_grad, n_value (density evaluations of
/// the iteration, with and without gradient), status (ChainStatus).
const std::vector<Statistic>& common_statistics();
/// common_statistics(), then the sampler's own.
std::vector<Statistic> recorded_statistics(const Sampler& sampler);

}  // namespace variscope::samplers
