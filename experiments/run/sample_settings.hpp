/// What decides the chains of one cell and what is kept of them; where they run does not.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/diagnostics/stopping.hpp"
#include "engine/index.hpp"
#include "engine/samplers/start.hpp"

namespace variscope::experiments {

/// A shard of the rows with a posterior of its own: rows balanced_range(N, shards, shard). Two kinds of density share its arithmetic, as
/// prior^(1/M) L = (prior L^M)^(1/M).
struct RowShard {
  Index shard = 0;
  Index shards = 0;            ///< M; 0: all rows
  bool prior_fraction = true;  ///< prior^(1/M) x its likelihood; otherwise prior x (its likelihood)^M
};

struct SampleSettings {
  std::string sampler = "nuts";
  std::map<std::string, double> numbers;  ///< of the sampler; the others keep their defaults
  std::map<std::string, std::string> words;
  std::uint64_t seed = 1;
  Index chains = 4;
  Index warmup = 1000;  ///< iterations before the draws
  bool adapt = true;    ///< in the warm-up
  Index draws = 1000;   ///< iterations
  Index thin = 1;       ///< every thin-th draw is stored; statistics are, of every iteration: E-BFMI and work need consecutive ones
  diagnostics::StoppingRule stop{};  ///< draws are then what may be made at the most
  samplers::Start start;
  std::vector<double> metric_variances;  ///< [dim] that metrics and proposals begin with; empty: 1
  std::vector<std::string> save;         ///< variables of the model; empty: all
  bool save_warmup = false;              ///< the draws of the warm-up; its statistics are always stored
  bool unconstrained = false;            ///< positions too
  bool single_precision = false;         ///< of stored draws
  RowShard rows{};                       ///< that the chains see
  Range only{};                          ///< of the chains, those that run, with the bits they have among all; empty: all

  [[nodiscard]] Index adapting() const { return adapt ? warmup : 0; }  ///< iterations
  [[nodiscard]] Index iterations() const { return warmup + draws; }
  [[nodiscard]] Range running() const { return only.size() > 0 ? only : Range{0, chains}; }
  [[nodiscard]] Index count() const { return running().size(); }
};

}  // namespace variscope::experiments
