/// Log densities of many columns: row tiles mapped over threads, folded by the tree over tiles and data shards.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "cluster/communicator/communicator.hpp"
#include "cluster/topology/fold_across.hpp"
#include "engine/models/model.hpp"
#include "engine/tiles/batch.hpp"
#include "engine/tiles/fold.hpp"
#include "experiments/plan/cost.hpp"
#include "experiments/run/work.hpp"

namespace variscope::experiments {

/// Columns that share a list of rows. They start at a lane block of their own.
struct Segment {
  Index first_block = 0;
  Index count = 0;
  bool all_rows = true;
  std::span<const Index> rows;  ///< sorted global rows, unless all_rows
};

/// How a fold over rows is cut.
struct RowTiles {
  cluster::Ownership ownership;
  Index row_tile = 1;  ///< rows per leaf
};

class Density {
 public:
  /// Everything outlives the object. `shards`: the ranks among which the rows are divided.
  Density(const models::Model& model, const cluster::Communicator& shards, cluster::Reduce reduce, int threads, Work& work)
      : model_(model), shards_(shards), reduce_(reduce), threads_(threads), work_(work), folders_(static_cast<std::size_t>(threads)) {}

  /// out (1 or 1 + dim rows) = scale * log likelihood [+ log prior] of every segment's columns, on the first of the shard ranks;
  /// undefined on the others. Collective over the shard ranks.
  void evaluate(tiles::ConstBatchView theta, std::span<const Segment> segments, const RowTiles& rows, double scale, models::Wanted wanted,
                bool prior, tiles::Batch& out);

 private:
  /// One lane-block group of one segment.
  struct Group {
    const Segment* segment;
    Index first_block;
    Index last_block;

    /// Its live columns of a batch.
    template <class T>
    [[nodiscard]] tiles::BasicBatchView<T> live(tiles::BasicBatchView<T> batch) const {
      auto columns = batch.slice(first_block, last_block);
      columns.count = std::min(columns.count, segment->count - (first_block - segment->first_block) * tiles::kLanes);
      return columns;
    }
  };
  void map(tiles::ConstBatchView theta, const RowTiles& rows, models::Wanted wanted, std::span<const tiles::Node> nodes, Index height);
  /// The value of `node` from its parts, the first of which is parts_[next]; it ends in that part's place. next: behind the last of them.
  std::span<double> join(const tiles::Tree& tree, tiles::Node node, std::size_t size, std::size_t& next);
  /// Scaling and the prior, on the first of the shard ranks.
  void finish(tiles::ConstBatchView theta, double scale, models::Wanted wanted, bool prior, tiles::Batch& out);
  models::Counts leaf(const Group& group, const RowTiles& rows, Index tile, tiles::ConstBatchView theta, models::Wanted wanted,
                      Index height, std::span<double> out) const;

  const models::Model& model_;
  const cluster::Communicator& shards_;
  cluster::Reduce reduce_;
  int threads_;
  Work& work_;
  std::vector<tiles::NodeFolder> folders_;  ///< one per thread
  AlignedVector partials_;                  ///< [covering node x output]
  std::vector<tiles::Node> parts_;          ///< subtrees that the covering nodes are cut into
  std::vector<Group> groups_;
};

}  // namespace variscope::experiments
