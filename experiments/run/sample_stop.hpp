/// Chains on ranks that are looked at, at fixed iterations, and stop where a rule has held twice in a row.
#pragma once

#include <functional>
#include <vector>

#include "cluster/communicator/communicator.hpp"
#include "engine/store/trace.hpp"
#include "experiments/run/sample_settings.hpp"

namespace variscope::experiments {

/// Every scalar belongs to one rank of `parts`, which holds all chains' draws of it and judges them: each draw is sent once, and memory is
/// that of all stored draws divided by the ranks. The answer is a function of the draws that the trace file has, whatever the ranks.
/// Collective over `parts` (the first ranks of their teams).
class SampleStop {
 public:
  /// Everything outlives the object. posterior: the group of stored draws.
  SampleStop(const SampleSettings& settings, const store::TraceGroup& posterior, const cluster::Communicator& parts, int threads);

  /// Draws that chains of this part have made since the last call, [chain x draw x width] of `draws` (stored ones, behind the warm-up).
  void add(Range draws, const std::vector<double>& values);
  /// At all chains' draws, so many of each. True if the rule holds and held the last time.
  bool look(Index draws);
  /// As the looks of an earlier session left it: visit(f) calls f with every committed block of the posterior group, in order. last,
  /// before: draws at the last look that was taken and at the one before it; negative: there was none. True if it stopped there.
  bool recall(const std::function<void(const std::function<void(const store::TraceBlock&)>&)>& visit, Index last, Index before);

 private:
  /// values [chain x draw] of a scalar of this rank.
  void put(Range chains, Range draws, Index scalar, const double* values);
  [[nodiscard]] Range chains_of(Index part) const;
  /// How many are of that part: part, part + parts, ... .
  [[nodiscard]] Index scalars_of(Index part) const;
  /// All scalars' first `draws` draws.
  [[nodiscard]] bool holds(Index draws) const;

  const SampleSettings& settings_;
  const store::TraceGroup& posterior_;
  const cluster::Communicator& parts_;
  int threads_;
  bool single_;                                          ///< draws are stored in single precision, and judged as they are stored
  std::vector<std::vector<std::vector<double>>> draws_;  ///< [scalar of this rank][chain][draw]
  bool held_ = false;
};

}  // namespace variscope::experiments
