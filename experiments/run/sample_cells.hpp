/// Cells of chains one after the other: blocks of iterations, checkpoints between them, trace files at the end.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/store/manifest.hpp"
#include "experiments/run/sample.hpp"

namespace variscope::experiments {

/// When work is saved, and how much is held until then; never what is computed.
struct SamplePace {
  Index block = 200;                                 ///< iterations between two looks at the clock, at the most
  double checkpoint_s = 30;                          ///< seconds between checkpoints
  double buffer_bytes = 256e6;                       ///< of draws that a rank holds at the most, about
  std::function<void(Index iterations)> progress{};  ///< rank 0: iterations of every chain since the last call
  double block_s = 0;                                ///< seconds that a block should take; 0: blocks are whole
  /// Rank 0: seconds that a block took, and whether it was of the warm-up. No block is of both.
  std::function<void(double seconds, bool warmup)> timed{};
  /// All ranks, between two blocks: may save, and may throw to leave the cell as it stands.
  std::function<void()> between{};
};

/// Runs `cell` from where it stands to its end; commit() makes its blocks and states durable, at the end too. Collective over `world`.
void run_cell(const cluster::Communicator& world, SampleCell& cell, const SamplePace& pace, const std::function<void()>& commit);

/// The same with its blocks committed to `run`'s segments; manifest: the run's, extended on every rank.
/// Collective over `world`.
void run_cell(const cluster::Communicator& world, const std::filesystem::path& run, SampleCell& cell, const SamplePace& pace,
              store::Manifest& manifest);

}  // namespace variscope::experiments
