/// Autocovariance and autocorrelation of chains: all lags by fast Fourier transforms, or the first few, as far as they are asked for.
#pragma once

#include <span>
#include <vector>

#include "engine/diagnostics/chain_draws.hpp"

namespace variscope::diagnostics {

/// [lag], lags 0 .. draws - 1: the mean over chains of sum_i (x_i - m)(x_{i + lag} - m) / draws, m the chain's own mean. At least one chain
/// and draw, all finite. O(chains x draws log draws): two chains a transform, one transform back for all.
std::vector<double> mean_autocovariance(const ChainDraws& draws);

/// The same, lag by lag in ascending order. A chain that mixes is asked for few: those are sums of products, eight lags a pass; behind
/// kDirect lags all the rest is transformed. Which way a lag came depends on the lag alone.
class LazyAutocovariance {
 public:
  static constexpr Index kDirect = 256;
  /// As mean_autocovariance; `draws` must outlive the object.
  explicit LazyAutocovariance(const ChainDraws& draws);
  /// lag < draws.
  double operator()(Index lag);

 private:
  void next_pass();

  ChainDraws draws_;
  Index stride_;
  std::vector<double> centred_;  ///< [chain x stride]: zeros behind a chain's draws
  std::vector<double> known_;    ///< lags computed so far
};

/// The autocovariance of one chain over its value at lag 0; NaN for a constant one.
std::vector<double> autocorrelation(std::span<const double> chain);

}  // namespace variscope::diagnostics
