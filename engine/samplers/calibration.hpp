/// Simulation-based calibration: parameters from the prior, data from them, draws from their posterior; the parameters' ranks are uniform.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/table.hpp"
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

struct Calibration {
  std::vector<std::string> names;         ///< coordinates, on the unconstrained scale, then "log_likelihood"
  std::vector<std::vector<Index>> ranks;  ///< [quantity][replication that did not fail], 0 .. draws
  std::vector<double> p_values;           ///< exact, of each quantity's ranks being uniform
  double bound = 0;                       ///< false_alarm / quantities
  Index failed = 0;                       ///< replications whose chain failed, or found no start
  /// Mean over replications of the bulk effective size of the draws, over their number, of the worst quantity: well below 1, ranks crowd at
  /// the ends, and `thin` has to grow before a verdict means anything.
  double effective_share = 0;

  [[nodiscard]] bool calibrated() const;
  /// The quantity of least p-value.
  [[nodiscard]] std::size_t worst() const;
};

/// Talts, Betancourt, Simpson, Vehtari, Gelman 2018, arXiv 1804.06788, algorithm 1; the log likelihood as a test quantity: Modrak et al.
/// 2023, Bayesian Analysis (a sampler that looks away from the data keeps the ranks of the parameters uniform, not those). Ties are placed
/// at random. Replication r is a function of (seed, r), whatever the threads. Samplers that adapt across chains have one chain each.
/// Throws UserError where the model cannot be simulated from. Cost: replications x (warmup + draws x thin) iterations.
Calibration simulation_based_calibration(const CalibrationTarget& target, const CalibrationSettings& settings);

}  // namespace variscope::samplers
