/// Which noise and which rows the gradient estimates of one replicate use: replicas under a sharing policy, or a crossed design.
#pragma once

#include "engine/data/minibatch.hpp"
#include "engine/index.hpp"

namespace variscope::experiments {

/// Noise of the R replicas whose gradients are averaged (ESTIMATORS.md calls them ranks; they are a property of the study).
enum class NoisePolicy {
  independent,  ///< each its own
  shared,       ///< all the same: the Monte Carlo part of the variance does not fall with R
  split_net,    ///< scrambled nets: all replicas take disjoint pieces of one net; other estimators: as independent
};

/// Rows of the replicas.
enum class RowsPolicy {
  without_replacement,  ///< each draws B of the N rows, whatever the others have
  with_replacement,     ///< each draws B rows with repetitions
  disjoint,             ///< B R rows without replacement, dealt out at random
  shards,               ///< replica r draws B rows without replacement from the r-th of R balanced ranges
  epoch,                ///< R consecutive batches of a random permutation of all rows, at a random place of the epoch
};

/// The estimates ("units") of one replicate. Units with the same row set are neighbours.
struct Design {
  Index noise_sets = 1;
  Index row_sets = 1;
  bool crossed = false;  ///< every noise set with every row set; otherwise unit r has row set r, and noise set r or 0
  NoisePolicy noise = NoisePolicy::independent;
  RowsPolicy rows = RowsPolicy::without_replacement;

  static Design replicas(Index count, NoisePolicy noise, RowsPolicy rows) {
    return {noise == NoisePolicy::shared ? 1 : count, count, false, noise, rows};
  }
  /// K batches of rows, each with the same L noise sets.
  static Design cross(Index batches, Index noise_sets, RowsPolicy rows) {
    return {noise_sets, batches, true, NoisePolicy::independent, rows};
  }

  [[nodiscard]] Index units() const { return crossed ? noise_sets * row_sets : row_sets; }
  [[nodiscard]] Index units_per_row_set() const { return crossed ? noise_sets : 1; }
  [[nodiscard]] Index noise_of(Index unit) const { return crossed ? unit % noise_sets : noise_sets == 1 ? 0 : unit; }
};

}  // namespace variscope::experiments
