/// Mapping column groups x row tiles over threads as OpenMP tasks that follow the tree.
#include "experiments/run/density.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <exception>

namespace variscope::experiments {

namespace {

/// Lane blocks of one column group: what the widest kernel takes at once.
constexpr Index kGroupBlocks = 4;

/// Keeps the first exception of a parallel region; none may leave it.
class Caught {
 public:
  template <class Function>
  void run(Function&& function) noexcept {
    try {
      function();
    } catch (...) {
#pragma omp critical(variscope_caught)
      if (!error_) error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
};

}  // namespace

Index group_columns(Index dim, int threads) {
  constexpr Index kColumns = 256;
  constexpr Index kBytes = Index{32} << 20;
  return std::clamp<Index>(kBytes / (8 * (1 + dim)), 64, kColumns * threads);
}

double density_work_bytes(Index dim, Index columns, Index tiles, int threads) {
  const double levels = std::log2(static_cast<double>(std::max<Index>(tiles, 2))) + 1;
  const double batch = static_cast<double>(columns) * static_cast<double>(1 + dim) * 8;
  return batch * (2 * levels + 5) + static_cast<double>(threads) * levels * kGroupBlocks * tiles::kLanes * static_cast<double>(1 + dim) * 8;
}

/// One column group of one segment against the rows of one call.
struct Density::Piece {
  const Segment* segment;
  const RowTiles* rows;
  tiles::ConstBatchView theta;  ///< the group's columns
  Index height;                 ///< rows of the output
  models::Wanted wanted;
  Caught* caught;
};

void Density::leaf(const Piece& piece, Index tile, std::span<double> out) {
  const Range range{tile * piece.rows->row_tile, std::min((tile + 1) * piece.rows->row_tile, model_.rows())};
  models::RowList rows{range};
  if (!piece.segment->all_rows) {
    const auto& list = piece.segment->rows;
    const auto first = std::lower_bound(list.begin(), list.end(), range.first);
    const auto last = std::lower_bound(first, list.end(), range.last);
    if (first == last) return;
    rows.indices = &*first;
    rows.index_count = last - first;
  }
  models::Evaluation evaluation{piece.wanted, {out.data(), piece.height, piece.theta.count}, {}};
  model_.log_likelihood(rows, piece.theta, evaluation);
#pragma omp critical(variscope_counts)
  work_.counts += evaluation.counts;
}

void Density::fold_piece(const Piece& piece, tiles::Node node, int depth, std::span<double> out) {
  const Index total = piece.rows->ownership.leaves;
  const bool has_right = node.level > 0 && node.right().first() < total;
  if (depth > 0 && has_right) {
    AlignedVector right(out.size());
#pragma omp task default(shared)
    piece.caught->run([&] { fold_piece(piece, node.left(), depth - 1, out); });
    fold_piece(piece, node.right(), depth - 1, std::span<double>(right));
#pragma omp taskwait
    tiles::add(out, right);
    return;
  }
  folders_[static_cast<std::size_t>(omp_get_thread_num())].fold(
      node, total, [&](Index tile, std::span<double> partial) { leaf(piece, tile, partial); }, tiles::add, out);
}

void Density::map(tiles::ConstBatchView theta, std::span<const Segment> segments, const RowTiles& rows, models::Wanted wanted, std::span<const tiles::Node> nodes,
                  Index height) {
  const Index size = theta.blocks() * height * tiles::kLanes;
  partials_.resize(nodes.size() * static_cast<std::size_t>(size));
  Index groups = 0;
  for (const Segment& s : segments) groups += (s.count + kGroupBlocks * tiles::kLanes - 1) / (kGroupBlocks * tiles::kLanes);
  // Nodes are cut into subtrees until every thread has several pieces. The tree stays the same, so do the bits.
  int depth = 0;
  if (threads_ > 1) {
    while (depth < 16 && (groups * static_cast<Index>(nodes.size()) << depth) < 4 * threads_) ++depth;
  }
  Caught caught;
#pragma omp parallel num_threads(threads_) if (threads_ > 1) default(shared)
#pragma omp single
  {
    for (const Segment& segment : segments) {
      const Index last_block = segment.first_block + (segment.count + tiles::kLanes - 1) / tiles::kLanes;
      for (Index block = segment.first_block; block < last_block; block += kGroupBlocks) {
        const Index end = std::min(block + kGroupBlocks, last_block);
        tiles::ConstBatchView columns = theta.slice(block, end);
        columns.count = std::min(columns.count, segment.count - (block - segment.first_block) * tiles::kLanes);
        for (std::size_t n = 0; n < nodes.size(); ++n) {
          double* out = partials_.data() + static_cast<Index>(n) * size + block * height * tiles::kLanes;
          const std::span<double> place(out, static_cast<std::size_t>((end - block) * height * tiles::kLanes));
          const Piece piece{&segment, &rows, columns, height, wanted, &caught};
#pragma omp task default(shared) firstprivate(piece, place, n)
          caught.run([&] { fold_piece(piece, nodes[n], depth, place); });
        }
      }
    }
  }
  caught.rethrow();
}

void Density::evaluate(tiles::ConstBatchView theta, std::span<const Segment> segments, const RowTiles& rows, double scale, models::Wanted wanted, bool prior,
                       tiles::Batch& out) {
  const Index height = wanted.gradient ? 1 + theta.dim : 1;
  out.resize(height, theta.count);
  Stopwatch watch;
  if (model_.rows() > 0) {
    const auto nodes = tiles::covering_nodes(rows.ownership.range(shards_.rank()), rows.ownership.leaves);
    map(theta, segments, rows, wanted, nodes, height);
    work_.kernel_s += watch.lap();
    const std::span<double> result(out.data(), static_cast<std::size_t>(out.size()));
    cluster::fold_across(shards_, rows.ownership, out.size(), partials_, tiles::add, reduce_, result);
    work_.communication_s += watch.lap();
    if (shards_.rank() != 0) return;
    if (scale != 1.0) {
      for (double& x : result) x *= scale;
    }
  } else {
    out.set_zero();
  }
  if (prior) {
    for (const Segment& segment : segments) {
      const Index last_block = segment.first_block + (segment.count + tiles::kLanes - 1) / tiles::kLanes;
      tiles::ConstBatchView columns = theta.slice(segment.first_block, last_block);
      tiles::BatchView to = out.view().slice(segment.first_block, last_block);
      columns.count = to.count = segment.count;
      models::Evaluation evaluation{wanted, to, {}};
      model_.log_prior(columns, evaluation);
      work_.counts += evaluation.counts;
    }
  }
  work_.kernel_s += watch.lap();
}

}  // namespace variscope::experiments
