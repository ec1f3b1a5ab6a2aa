/// The chains of one cell on ranks: chains divide over the replicate axis, data rows over the shard axis.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/topology/layout.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/meetings.hpp"
#include "engine/store/trace.hpp"
#include "engine/store/trace_segments.hpp"
#include "experiments/run/density.hpp"
#include "experiments/run/sample_settings.hpp"
#include "experiments/run/sample_stop.hpp"
#include "experiments/run/sample_trace.hpp"

namespace variscope::experiments {

/// Ranks of a cell: `layout.replicates` parts of the chains, each a team of `layout.shards` ranks. The team's ranks run the same
/// coroutines on the same numbers and communicate in the fold of a batch alone.
struct SampleTeam {
  SampleTeam(const cluster::Communicator& world, const cluster::Layout& layout);
  cluster::Communicator shards;  ///< the ranks of one part, among which rows are divided
  cluster::Communicator parts;   ///< the ranks of one shard, one for each part
};

/// Where the cell stands is a function of the iteration alone: any division of chains and rows, any threads, any blocks and checkpoints
/// give the same draws.
class SampleCell {
 public:
  /// rows: how the fold over the model's rows is cut ({} without data), ownership.parts = team.shards.size(). Everything but id and
  /// settings outlives the object. Throws UserError for settings that make no sense, or fewer chains than parts. Collective from here on.
  SampleCell(std::string id, SampleSettings settings, const models::Model& model, const RowTiles& rows, const SampleTeam& team,
             cluster::Reduce reduce, int threads, Work& work);

  /// As the file will be: with the draws until they stopped.
  [[nodiscard]] const store::TraceLayout& layout() const { return layout_; }
  [[nodiscard]] Index iteration() const { return iteration_; }
  [[nodiscard]] bool done() const { return stopped_ || iteration_ == settings_.iterations(); }
  /// Whether the rule of settings.stop has held twice in a row.
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] bool warming_up() const { return iteration_ < settings_.warmup; }
  /// Iterations until the warm-up ends, or behind it the draws.
  [[nodiscard]] Index left_of_phase() const { return (warming_up() ? settings_.warmup : settings_.iterations()) - iteration_; }
  [[nodiscard]] const samplers::Traffic& traffic() const { return schedule_->traffic(); }
  /// Of draws that take() has not given away yet.
  [[nodiscard]] double buffered_bytes() const;

  /// Chains at iteration 0.
  void start();
  /// Chains as a checkpoint left them; states: committed_states() of this cell, of any division. None: start(). blocks(visit): the
  /// committed blocks of this trace, in order; only asked for where a rule looks at draws.
  void resume(const std::vector<store::TraceState>& states, const store::VisitBlocks& blocks = {});
  /// Runs all chains on, by `iterations` at most.
  void advance(Index iterations);
  /// What this rank has to write: the draws since the last take(), and the state. Nothing on ranks that are not their team's first.
  std::vector<store::TraceBlock> take_blocks();
  [[nodiscard]] std::vector<store::TraceState> states() const;

 private:
  /// The first iteration after `iteration` at which draws are looked at.
  [[nodiscard]] Index next_look(Index iteration) const;
  /// On all ranks; all chains stand at a look.
  void look();
  /// Draws out of the buffer, to whoever looks at them. On first ranks of teams.
  void collect();
  /// The team's first rank's word.
  [[nodiscard]] bool agreed(bool here) const;
  /// The layout ends with the last draw made.
  void end_here();
  [[nodiscard]] approximations::Density make_density();
  [[nodiscard]] samplers::FoldChains make_fold();

  std::string id_;
  SampleSettings settings_;
  const models::Model& model_;
  RowTiles rows_;
  const SampleTeam& team_;
  samplers::Run run_;
  Range range_;                    ///< chains of this part
  std::vector<Index> shard_rows_;  ///< that the chains see, if not all
  Density evaluator_;
  Work& work_;
  std::unique_ptr<samplers::Sampler> sampler_;
  store::TraceLayout layout_;
  TraceBuffer buffer_;
  approximations::Density density_;
  std::unique_ptr<samplers::Schedule> schedule_;
  std::vector<samplers::Chain> chains_;
  std::vector<double> shared_;
  tiles::Batch out_;
  Index iteration_ = 0;
  std::unique_ptr<SampleStop> stop_;        ///< on first ranks of teams, where there is a rule
  std::vector<store::TraceBlock> pending_;  ///< collected since the last take_blocks()
  bool stopped_ = false;
};

}  // namespace variscope::experiments
