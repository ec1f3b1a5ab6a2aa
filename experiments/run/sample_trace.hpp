/// From iterations to stored draws: which iterations, which variables, in which group; blocks for segments.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/models/model.hpp"
#include "engine/samplers/sampler.hpp"
#include "engine/store/trace.hpp"
#include "experiments/run/sample_settings.hpp"

namespace variscope::experiments {

/// The trace file of a cell, known before anything runs. Throws UserError for a variable of settings.save that the model has not.
store::TraceLayout trace_layout(const std::string& id, const SampleSettings& settings, const models::Model& model,
                                const samplers::Sampler& sampler);

/// Collects what chains [first, first + size) of a cell did since the last take(). observe() may be called by several threads for different
/// chains at once.
class TraceBuffer {
 public:
  /// Everything outlives the object.
  TraceBuffer(const store::TraceLayout& layout, const SampleSettings& settings, const models::Model& model, Range chains);

  /// place: of the chain within the range. chain.iteration counts this iteration.
  void observe(Index place, const samplers::Chain& chain, std::span<const double> record);
  /// All chains stand at `iteration`; the last take() was at the one given then, or at 0. Blocks for the segment.
  std::vector<store::TraceBlock> take(Index iteration);
  /// Goes on from a checkpoint.
  void resume(Index iteration) { taken_ = iteration; }
  /// Bytes held.
  [[nodiscard]] double bytes() const;

 private:
  struct ChainRows {
    std::vector<double> positions;         ///< [stored iteration x dim]
    std::vector<double> statistics;        ///< [iteration x record]
    std::vector<double> warmup_positions;  ///< the same of warm-up
    std::vector<double> warmup_statistics;
  };
  void add_block(std::vector<store::TraceBlock>& blocks, const std::string& group, Range draws, std::vector<double> values) const;
  /// Draws of the saved variables, [chain x draw x width], from positions.
  [[nodiscard]] std::vector<double> constrained(const std::vector<double> ChainRows::*positions) const;
  [[nodiscard]] std::vector<double> joined(const std::vector<double> ChainRows::*rows) const;

  const store::TraceLayout& layout_;
  const SampleSettings& settings_;
  const models::Model& model_;
  Range chains_;
  Index taken_ = 0;
  std::vector<Index> saved_;  ///< rows of constrain()'s output that are stored
  std::vector<ChainRows> rows_;
};

}  // namespace variscope::experiments
