/// The reference path: Adam's iterates, the optimum, and the exact or Monte Carlo reference gradient at every point.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "engine/record.hpp"
#include "engine/store/bundle.hpp"
#include "engine/store/run_file.hpp"
#include "experiments/plan/cost.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/estimates.hpp"
#include "experiments/run/stop.hpp"

namespace variscope::experiments {

/// A path as every rank holds it: the same bits everywhere.
struct Path {
  store::PathRecord record;
  std::vector<PointRecord> points;  ///< labels, lambda, reference, objective; no estimators yet
  /// [point], by the rows of a minibatch: when each row was last drawn before the point. The optimum's: at the path's last step.
  std::map<Index, std::vector<estimators::RowHistory>> histories;

  /// nullptr if none was asked for.
  [[nodiscard]] const estimators::RowHistory* history(Index batch_rows, std::size_t point) const {
    const auto found = histories.find(batch_rows);
    return found == histories.end() ? nullptr : &found->second[point];
  }
};

/// Steps that an earlier session took, and a place for those of this one.
struct PathSaving {
  std::optional<store::Bundle> begun{};                        ///< what `keep` was last given; none: from the start
  std::function<void(const store::Bundle& under_way)> keep{};  ///< called by all ranks alike
  double every_s = 0;
};

/// The step at which every row was last drawn before step `point` of a path, by the keys of its minibatches of batch_rows distinct rows; 0,
/// the start, for rows that never were. Cost O(point batch_rows) at most: it stops where all rows have been met.
std::vector<Index> last_drawn(std::uint64_t seed, Index rows, Index batch_rows, Index point);

/// Rows a step by which a cell's histories go: those that the path itself drew; where it uses all rows, the cell's, as if drawn along it.
Index history_rows(const Settings& path, const Settings& cell);

/// Runs the optimisation with all ranks as one team. history_rows: minibatches whose histories are wanted (replayed from the path's keys, B
/// distinct rows a step; nothing is evaluated for them). Collective over the world.
/// Throws Abandoned on all ranks if any is asked to stop. `saving`: how it is kept while it is under way.
Path run_path(const PathPlan& plan, const std::vector<Index>& history_rows, const models::Model& model, const DataPlan* data,
              const cluster::Communicator& world, const cluster::Team& whole, cluster::Reduce reduce, int threads, Work& work,
              const PathSaving& saving = {});

/// A path as numbers and texts, and back: the same bits.
void put(store::BundleWriter& out, const Path& path);
[[nodiscard]] Path take_path(store::BundleReader& in);

}  // namespace variscope::experiments
