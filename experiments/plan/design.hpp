/// Which noise and which rows the gradient estimates of one replicate use: replicas under a sharing policy, or a crossed design.
#pragma once

#include "engine/diagnostics/noise.hpp"
#include "engine/index.hpp"

namespace variscope::experiments {

using diagnostics::NoisePolicy;
using diagnostics::RowPolicy;

/// Points of a path, and noise sets of a replicate, that the random numbers' keys can tell apart.
inline constexpr Index kMostPoints = 256;
inline constexpr Index kMostNoiseSets = 16384;

/// The estimates ("units") of one replicate. Units with the same row set are neighbours.
struct Design {
  Index noise_sets = 1;
  Index row_sets = 1;
  bool crossed = false;  ///< every noise set with every row set; otherwise unit r has row set r, and noise set r or 0
  NoisePolicy noise = NoisePolicy::independent;
  RowPolicy rows = RowPolicy::without_replacement;
  Index sets_per_shard = 1;  ///< row sets from each fixed shard, one behind the other

  static Design replicas(Index count, NoisePolicy noise, RowPolicy rows) {
    return {noise == NoisePolicy::shared ? 1 : count, count, false, noise, rows, 1};
  }
  /// K batches of rows, each with the same L noise sets.
  static Design cross(Index batches, Index noise_sets, RowPolicy rows) {
    return {noise_sets, batches, true, NoisePolicy::independent, rows, 1};
  }
  /// K batches of every shard's rows, each with the same L noise sets.
  static Design cross_shards(Index shards, Index batches, Index noise_sets) {
    return {noise_sets, shards * batches, true, NoisePolicy::independent, RowPolicy::shards, batches};
  }

  [[nodiscard]] Index units() const { return crossed ? noise_sets * row_sets : row_sets; }
  [[nodiscard]] Index units_per_row_set() const { return crossed ? noise_sets : 1; }
  /// Fixed shards that the row sets are drawn from.
  [[nodiscard]] Index shards() const { return row_sets / sets_per_shard; }
  [[nodiscard]] Index noise_of(Index unit) const { return crossed ? unit % noise_sets : noise_sets == 1 ? 0 : unit; }
};

}  // namespace variscope::experiments
