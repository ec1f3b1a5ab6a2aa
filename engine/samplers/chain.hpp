/// A chain between two iterations: plain numbers, which any rank can store, continue, or replay.
#pragma once

#include <limits>
#include <span>
#include <vector>

#include "engine/index.hpp"

namespace variscope::samplers {

/// failed: the chain met a state whose log density or gradient is not finite; it stands still from then on and its draws are NaN.
enum class ChainStatus { running = 0, failed = 1 };

struct Chain {
  Index index = 0;      ///< global; < 2^24. It keys the chain's random numbers
  Index iteration = 0;  ///< iterations done, warm-up included
  ChainStatus status = ChainStatus::running;
  double log_density = std::numeric_limits<double>::quiet_NaN();  ///< at position
  std::vector<double> position;                                   ///< dim entries
  std::vector<double> gradient;  ///< of log_density; dim entries, or none where the sampler uses no gradients
  std::vector<double> state;     ///< the sampler's own: Sampler::state_size() entries

  friend bool operator==(const Chain&, const Chain&) = default;
};

/// Numbers that pack() writes for a chain of these sizes.
[[nodiscard]] Index packed_size(const Chain& chain);
/// The whole chain, its index included, as packed_size() doubles: what a checkpoint holds.
void pack(const Chain& chain, std::span<double> numbers);
/// The inverse. `chain` has the sizes of the one that was packed. NaNs keep their bits.
void unpack(std::span<const double> numbers, Chain& chain);

}  // namespace variscope::samplers
