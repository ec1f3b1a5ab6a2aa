/// Simulation-based calibration: parameters from the prior, data from them, draws from their posterior; the parameters' ranks are uniform.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/diagnostics/stopping.hpp"
#include "engine/models/model.hpp"
#include "engine/samplers/sampler.hpp"
#include "engine/samplers/start.hpp"

namespace variscope::samplers {

struct CalibrationSettings {
  std::uint64_t seed = 1;
  Index replications = 200;
  Index draws = 99;           ///< L of each replication's chain that ranks are among; L + 1 = 100 ranks divide into 20 cells
  Index thin = 10;            ///< iterations a draw: neighbours have to be all but independent
  Index warmup = 500;         ///< iterations
  double false_alarm = 1e-3;  ///< of the verdict, all quantities together
  int threads = 1;            ///< replications side by side
  Start start;
  /// Active: instead of one chain of draws x thin iterations, `chains` chains that this rule stops, after `longest` at the latest (of which
  /// every thin-th is looked at); `draws` of theirs, evenly spread, are what ranks are among. What is calibrated is then the rule too: that
  /// chains stop where they look good is a bias of which fixed lengths know nothing.
  diagnostics::StoppingRule stop{};
  Index chains = 4;
  Index longest = 1000;  ///< iterations behind the warm-up
};

/// What is calibrated. Thread-safe functions.
struct CalibrationTarget {
  /// Covariates; responses are replaced. All rows are held.
  const data::Table* table = nullptr;
  /// The model that data are simulated from, on a table that outlives it: it has prior and response simulation.
  std::function<std::unique_ptr<models::Model>(const data::Table& table)> model;
  /// The density that is sampled, given the simulated responses; empty: that model's.
  std::function<std::unique_ptr<models::Model>(const data::Table& table)> posterior{};
  std::function<std::unique_ptr<Sampler>(const models::Model& model)> sampler;
};

/// Ranks that are uniform if all is well.
struct RankVerdict {
  std::vector<std::string> names;         ///< coordinates, on the unconstrained scale, then "log_likelihood"
  std::vector<std::vector<Index>> ranks;  ///< [quantity][replication that did not fail]
  std::vector<double> p_values;           ///< exact, of each quantity's ranks being uniform
  double bound = 0;                       ///< false_alarm / quantities
  Index failed = 0;                       ///< replications whose chain failed, or found no start

  /// No replication failed and every p-value is above the bound.
  [[nodiscard]] bool calibrated() const;
  /// The quantity of least p-value.
  [[nodiscard]] std::size_t worst() const;
};

struct Calibration : RankVerdict {
  /// Mean over replications of the bulk effective size of the draws, over their number, of the worst quantity: well below 1, ranks crowd at
  /// the ends, and `thin` has to grow before a verdict means anything.
  double effective_share = 0;
  double iterations = 0;     ///< mean over replications, behind the warm-up
  double stopped_share = 0;  ///< of replications, those that the rule stopped
};

/// Talts, Betancourt, Simpson, Vehtari, Gelman 2018, arXiv 1804.06788, algorithm 1; the log likelihood as a test quantity: Modrak et al.
/// 2023, Bayesian Analysis (a sampler that looks away from the data keeps the ranks of the parameters uniform, not those). Ties are placed
/// at random. Replication r is a function of (seed, r), whatever the threads. Samplers that adapt across chains have one chain each.
/// Throws UserError where the model cannot be simulated from. Cost: replications x (warmup + draws x thin) iterations; with a stopping
/// rule replications x chains x (warmup + longest) of them at the most.
Calibration simulation_based_calibration(const CalibrationTarget& target, const CalibrationSettings& settings);

struct OneStepSettings {
  std::uint64_t seed = 1;
  Index replications = 1000;
  Index against = 19;         ///< fresh draws that each rank is among
  Index warmup = 200;         ///< iterations, of a chain of its own
  double false_alarm = 1e-3;  ///< of the verdict, all quantities together
  int threads = 1;
  Start start;
};

struct Invariance : RankVerdict {
  double moved = 0;  ///< share of the chains that are not where they were: near 0, the verdict means nothing
};

/// One step from exact draws, on any model that can be simulated from: theta from the prior and data y from theta make theta an exact draw
/// of the posterior given y, and so is what one iteration makes of it, by a sampler whose step size and metric a warm-up elsewhere has
/// adapted. Its marginal law is the prior's: its coordinates rank uniformly among fresh draws, and its log likelihood among theirs, each
/// with data of its own (Gandy and Scott 2020, arXiv 2001.06465, without their reversibility). Only for samplers that keep nothing of the
/// position in their state. Neither bias of a warm-up nor autocorrelation touch it. Errors and threads as above.
/// Cost: replications x (warmup + 1 iterations + `against` simulations).
Invariance one_step_invariance(const CalibrationTarget& target, const OneStepSettings& settings);

}  // namespace variscope::samplers
