/// When a fit may stop: rules that look at a fixed grid of steps and keep all they know in a state.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/index.hpp"
#include "engine/optimizers/optimizer.hpp"

namespace variscope::optimizers {

/// What a rule is shown after every step.
struct Look {
  Index steps = 0;                  ///< taken so far: 1, 2, ...
  std::span<const double> lambda;   ///< the iterate, not an average
  double objective = 0;             ///< an estimate of it at lambda; only where the rule wants it
  std::span<const double> scale{};  ///< what a unit of each parameter is (a coordinate's sd for its mean); empty: 1
};

/// Stateless, as an Optimizer is: a fit continued from a stored state stops at the same step. A rule holds at steps `every`, 2 `every`, ...
/// only; the fit stops where it has held `in_a_row` times one after the other.
class StoppingRule {
 public:
  StoppingRule(Index every, Index in_a_row) : every_(every), in_a_row_(in_a_row) {}
  StoppingRule(const StoppingRule&) = delete;
  StoppingRule& operator=(const StoppingRule&) = delete;
  virtual ~StoppingRule() = default;

  /// Numbers of state for `parameters` parameters; all zeros before step 1.
  [[nodiscard]] Index state_size(Index parameters) const { return 1 + kept(parameters); }
  /// Whether Look::objective must be set at this step.
  [[nodiscard]] bool wants_objective(Index steps) const { return needs_objective() && on_grid(steps); }
  /// To be called after every step. True: stop.
  [[nodiscard]] bool stops(const Look& look, std::span<double> state) const;

 protected:
  [[nodiscard]] virtual Index kept(Index parameters) const = 0;
  [[nodiscard]] virtual bool needs_objective() const { return false; }
  /// Takes in any step. Default: nothing.
  virtual void record(const Look& look, std::span<double> kept) const;
  /// Whether it holds at a step on the grid. Anything not finite: it does not.
  [[nodiscard]] virtual bool holds(const Look& look, std::span<double> kept) const = 0;

 private:
  [[nodiscard]] bool on_grid(Index steps) const { return steps % every_ == 0; }

  Index every_;
  Index in_a_row_;
};

struct StoppingEntry {
  std::string name;
  std::string summary;
  std::string source;
  std::vector<Parameter> parameters;
  bool needs_objective = false;
  /// Throws UserError where the arguments make no sense.
  std::function<std::unique_ptr<StoppingRule>(const Arguments&)> make;
};

/// relative_change, elbo_window, iterates.
const std::vector<StoppingEntry>& stopping_catalogue();
/// nullptr if unknown.
const StoppingEntry* find_stopping(const std::string& name);

}  // namespace variscope::optimizers
