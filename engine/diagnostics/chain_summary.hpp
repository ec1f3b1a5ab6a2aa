/// All that a table says about the chains of one scalar, from one sort; and of many scalars, threads among them.
#pragma once

#include <span>
#include <vector>

#include "engine/diagnostics/chain_draws.hpp"
#include "engine/diagnostics/rhat.hpp"

namespace variscope::diagnostics {

/// A figure with its Monte Carlo standard error and the effective size behind that.
struct ChainEstimate {
  double value = 0;
  double error = 0;
  double effective_size = 0;
};

struct ChainSummary {
  ChainEstimate mean;
  ChainEstimate sd;                      ///< effective size: of the distances from the mean
  std::vector<ChainEstimate> quantiles;  ///< at the probabilities asked for
  Rhat rhat;
  double bulk_size = 0;
  double tail_size = 0;
};

/// The same bits as the functions of rhat.hpp, effective_size.hpp and chain_errors.hpp give one by one.
ChainSummary summarize_chains(const ChainDraws& draws, std::span<const double> probabilities);

/// values [variable x chain x draw]; a variable is one thread's, so that the number of threads changes no bit.
std::vector<ChainSummary> summarize_chains(std::span<const double> values, Index variables, Index chains, Index draws,
                                           std::span<const double> probabilities, int threads);

}  // namespace variscope::diagnostics
