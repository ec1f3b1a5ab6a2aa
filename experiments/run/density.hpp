/// Log densities of many columns: row tiles mapped over threads, folded by the tree over tiles and data shards.
#pragma once

#include <algorithm>
#include <array>
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
  std::span<const Index> rows;  ///< sorted global rows of this rank's share, unless all_rows
  double scale = 1;             ///< of the log likelihood
};

/// How a fold over rows is cut.
struct RowTiles {
  cluster::Ownership ownership;
  Index row_tile = 1;  ///< rows per leaf
};

/// What is evaluated, in columns. Everything outlives the call.
struct Columns {
  tiles::ConstBatchView theta;
  tiles::ConstBatchView direction{};        ///< for Hessian-vector products
  const random::Stream* streams = nullptr;  ///< one per column, padding lanes included: for local gradients
  const double* mean = nullptr;             ///< of the family: for local gradients
  const double* scale = nullptr;
  const double* covariance = nullptr;  ///< in the place of scale, if Wanted::covariance
};

class Density {
 public:
  /// Everything outlives the object. `shards`: the ranks among which the rows are divided.
  Density(const models::Model& model, const cluster::Communicator& shards, cluster::Reduce reduce, int threads, Work& work)
      : model_(model), shards_(shards), reduce_(reduce), threads_(threads), work_(work), folders_(static_cast<std::size_t>(threads)) {}
  ~Density() { shards_.wait_sends(); }
  Density(const Density&) = delete;
  Density& operator=(const Density&) = delete;

  /// out (wanted.rows(dim) rows) = scale * log likelihood [+ log prior] of every segment's columns, on the first of the shard ranks;
  /// undefined on the others. Collective over the shard ranks.
  void evaluate(const Columns& columns, std::span<const Segment> segments, const RowTiles& rows, models::Wanted wanted, bool prior,
                tiles::Batch& out);

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
  void map(const Columns& columns, const RowTiles& rows, models::Wanted wanted, std::span<const tiles::Node> nodes, Index height);
  /// The value of `node` from its parts, the first of which is parts_[next]; it ends in that part's place. next: behind the last of them.
  std::span<double> join(const tiles::Tree& tree, tiles::Node node, std::size_t size, std::size_t& next);
  /// Scaling and the prior, on the first of the shard ranks.
  void finish(const Columns& columns, models::Wanted wanted, bool prior, tiles::Batch& out);
  /// reached: of the segment's rows, how many lie before this tile; moved on to the tile's end. Negative: to be searched for.
  models::Counts leaf(const Group& group, const RowTiles& rows, Index tile, const Columns& columns, models::Wanted wanted, Index height,
                      Index& reached, std::span<double> out) const;

  const models::Model& model_;
  const cluster::Communicator& shards_;
  cluster::Reduce reduce_;
  int threads_;
  Work& work_;
  std::vector<tiles::NodeFolder> folders_;  ///< one per thread
  std::array<AlignedVector, 2> buffers_;    ///< taken in turn: what one evaluation sends may be under way during the next
  std::size_t turn_ = 0;
  std::vector<tiles::Node> parts_;  ///< subtrees that the covering nodes are cut into
  std::vector<Group> groups_;
};

}  // namespace variscope::experiments
