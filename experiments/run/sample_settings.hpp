/// What decides the chains of one cell and what is kept of them; where they run does not.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/index.hpp"
#include "engine/samplers/start.hpp"

namespace variscope::experiments {

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
  samplers::Start start;
  std::vector<double> metric_variances;  ///< [dim] that metrics and proposals begin with; empty: 1
  std::vector<std::string> save;         ///< variables of the model; empty: all
  bool save_warmup = false;              ///< the draws of the warm-up; its statistics are always stored
  bool unconstrained = false;            ///< positions too
  bool single_precision = false;         ///< of stored draws
  Range only{};                          ///< of the chains, those that run, with the bits they have among all; empty: all

  [[nodiscard]] Index adapting() const { return adapt ? warmup : 0; }  ///< iterations
  [[nodiscard]] Index iterations() const { return warmup + draws; }
  [[nodiscard]] Range running() const { return only.size() > 0 ? only : Range{0, chains}; }
  [[nodiscard]] Index count() const { return running().size(); }
};

}  // namespace variscope::experiments
