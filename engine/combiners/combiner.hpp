/// From draws of the posteriors of parts of the rows to draws of the posterior of all rows.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "engine/dense.hpp"

namespace variscope::combiners {

/// What the density of shard m of M must have been.
enum class Subposterior {
  prior_fraction,    ///< prior^(1/M) x the shard's likelihood: their product is the posterior
  likelihood_power,  ///< prior x (the shard's likelihood)^M: each has about the posterior's spread
};

struct Arguments {
  Index draws = 0;         ///< wanted, in all; 0: as many as the smallest shard has. Combiners that pair draws give no more than that
  Index chains = 4;        ///< of combiners that are Markov chains
  double bandwidth = 0;    ///< of kernel combiners, in units of the shards' spread; 0: iteration i has i^(-1/(4 + dim))
  std::uint64_t seed = 0;  ///< of Purpose::combiner
  std::uint32_t task = 0;  ///< which of several combinations
};

struct Combination {
  dense::Matrix draws;                                           ///< draws x dim; of Markov chains one after the other, of equal length
  Index chains = 1;                                              ///< to be asked for R-hat where above 1
  std::vector<double> weights;                                   ///< of the draws, adding up to 1; empty: all the same
  bool joint = true;                                             ///< false: each column is a sample of its marginal, rows mean nothing
  double acceptance = std::numeric_limits<double>::quiet_NaN();  ///< share of proposals that a Markov chain took
};

struct Entry {
  std::string name;
  std::string summary;
  std::string source;
  Subposterior subposterior = Subposterior::prior_fraction;
  /// Of shards' draws (each draws x dim, finite, of one dim, at least dim + 3 of them): shards.size() >= 1. A function of the arguments
  /// alone. UserError naming the shard where they are unfit.
  std::function<Combination(std::span<const dense::Matrix> shards, const Arguments& arguments)> combine;
};

/// Checked on every call: the conditions above.
const std::vector<Entry>& catalogue();
/// nullptr if unknown.
const Entry* find(const std::string& name);

Entry consensus_entry();
Entry parametric_entry();
Entry nonparametric_entry();
Entry semiparametric_entry();
Entry wasp_entry();
Entry wasp_marginals_entry();
Entry wasp_location_scatter_entry();
Entry m_posterior_entry();

}  // namespace variscope::combiners
