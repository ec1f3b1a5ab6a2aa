/// Mapping column groups x row tiles over threads as OpenMP loops over subtrees.
#include "experiments/run/density.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "experiments/run/first_error.hpp"

namespace variscope::experiments {

models::Counts Density::leaf(const Group& group, const RowTiles& rows, Index tile, const Columns& columns, models::Wanted wanted,
                             Index height, Index& reached, std::span<double> out) const {
  const Range range{tile * rows.row_tile, std::min((tile + 1) * rows.row_tile, model_.rows())};
  models::RowList list{range};
  if (!group.segment->all_rows) {
    const auto& all = group.segment->rows;
    // Leaves come in order, few rows each: a walk costs less than the mispredicted branches of two searches.
    const auto first = reached < 0 ? std::lower_bound(all.begin(), all.end(), range.first) : all.begin() + reached;
    const auto last = std::find_if(first, all.end(), [&](Index row) { return row >= range.last; });
    reached = last - all.begin();
    if (first == last) return {};
    list.indices = &*first;
    list.index_count = last - first;
  }
  const auto theta = group.live(columns.theta);
  models::Evaluation evaluation{.wanted = wanted, .out = {out.data(), height, theta.count}, .counts = {}};
  if (wanted.hessian_vector) evaluation.direction = group.live(columns.direction);
  if (wanted.local) {
    evaluation.streams = columns.streams + group.first_block * tiles::kLanes;
    if (wanted.covariance) {
      model_.local_gradient_under(list, columns.mean, columns.covariance, evaluation);
    } else {
      model_.local_gradient(list, columns.mean, columns.scale, evaluation);
    }
  } else {
    model_.log_likelihood(list, theta, evaluation);
  }
  return evaluation.counts;
}

void Density::map(const Columns& columns, const RowTiles& rows, models::Wanted wanted, std::span<const tiles::Node> nodes, Index height) {
  const tiles::Tree tree = rows.ownership.tree();
  const Index size = columns.theta.blocks() * height * tiles::kLanes;
  // Nodes are cut into subtrees until every thread has several pieces. The tree stays the same, and so do the bits.
  int depth = 0;
  if (threads_ > 1) {
    while (depth < 12 && (groups_.size() * nodes.size() << depth) < 4 * static_cast<std::size_t>(threads_)) ++depth;
  }
  parts_.clear();
  for (const tiles::Node& node : nodes) {
    const int cut = std::min(depth, node.level);
    for (Index i = node.index << cut; i < (node.index + 1) << cut; ++i) {
      const tiles::Node part{node.level - cut, i};
      if (!tree.empty(part)) parts_.push_back(part);
    }
  }
  AlignedVector& partials = buffers_[turn_];
  partials.resize(parts_.size() * static_cast<std::size_t>(size));
  const auto place = [&](std::size_t part, const Group& group) {
    return std::span<double>(partials).subspan(
        part * static_cast<std::size_t>(size) + static_cast<std::size_t>(group.first_block * height * tiles::kLanes),
        static_cast<std::size_t>((group.last_block - group.first_block) * height * tiles::kLanes));
  };
  FirstError error;
  models::Counts counts;
  const auto pieces = static_cast<Index>(groups_.size() * parts_.size());
#pragma omp parallel num_threads(threads_) if (threads_ > 1)
  {
    models::Counts mine;
#pragma omp for schedule(dynamic, 1) nowait
    for (Index piece = 0; piece < pieces; ++piece) {
      error.catch_from([&] {
        const Group& group = groups_[static_cast<std::size_t>(piece) / parts_.size()];
        const std::size_t part = static_cast<std::size_t>(piece) % parts_.size();
        Index reached = -1;
        const auto fold_leaf = [&](Index tile, std::span<double> out) {
          mine += leaf(group, rows, tile, columns, wanted, height, reached, out);
        };
        folders_[static_cast<std::size_t>(omp_get_thread_num())].fold(tree, parts_[part], fold_leaf, tiles::add, place(part, group));
      });
    }
#pragma omp critical(variscope_counts)
    counts += mine;
  }
  error.rethrow();
  work_.counts += counts;
  // The upper levels of every covering node, and its value moved to where the fold across ranks looks for it.
  std::size_t next = 0;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const std::span<double> value = join(tree, nodes[n], static_cast<std::size_t>(size), next);
    const auto place_of_node = partials.begin() + static_cast<std::ptrdiff_t>(n) * size;
    if (value.data() != &*place_of_node) std::copy(value.begin(), value.end(), place_of_node);
  }
}

std::span<double> Density::join(const tiles::Tree& tree, tiles::Node node, std::size_t size, std::size_t& next) {
  if (parts_[next] == node) return std::span<double>(buffers_[turn_]).subspan(size * next++, size);
  if (tree.empty(node.left())) return join(tree, node.right(), size, next);
  const std::span<double> left = join(tree, node.left(), size, next);
  if (!tree.empty(node.right())) tiles::add(left, join(tree, node.right(), size, next));
  return left;
}

void Density::finish(const Columns& columns, models::Wanted wanted, bool prior, tiles::Batch& out) {
  FirstError error;
  models::Counts counts;
#pragma omp parallel for num_threads(threads_) if (threads_ > 1) schedule(static)
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    error.catch_from([&] {
      const Group& group = groups_[g];
      if (const double scale = group.segment->scale; scale != 1.0) {
        double* end = out.view().block(group.last_block);
        for (double* x = out.view().block(group.first_block); x != end; ++x) *x *= scale;
      }
      if (!prior || wanted.local) return;
      models::Evaluation evaluation{.wanted = wanted, .out = group.live(out.view()), .counts = {}};
      if (wanted.hessian_vector) evaluation.direction = group.live(columns.direction);
      model_.log_prior(group.live(columns.theta), evaluation);
#pragma omp critical(variscope_counts)
      counts += evaluation.counts;
    });
  }
  error.rethrow();
  work_.counts += counts;
}

void Density::evaluate(const Columns& columns, std::span<const Segment> segments, const RowTiles& rows, models::Wanted wanted, bool prior,
                       tiles::Batch& out) {
  out.resize(wanted.rows(model_.dim()), columns.theta.count);
  Stopwatch watch;
  groups_.clear();
  for (const Segment& s : segments) {
    const Index last = s.first_block + (s.count + tiles::kLanes - 1) / tiles::kLanes;
    for (Index block = s.first_block; block < last; block += kGroupBlocks)
      groups_.push_back({&s, block, std::min(block + kGroupBlocks, last)});
  }
  if (model_.rows() > 0) {
    const auto nodes = rows.ownership.nodes(shards_.rank());
    map(columns, rows, wanted, nodes, out.dim());
    work_.kernel_s += watch.lap();
    const std::span<double> result(out.data(), static_cast<std::size_t>(out.size()));
    cluster::fold_across(shards_, rows.ownership, out.size(), buffers_[turn_], tiles::add, reduce_, result, cluster::Sends::pending);
    turn_ = 1 - turn_;
    work_.communication_s += watch.lap();
    if (shards_.rank() != 0) return;
  } else {
    out.set_zero();
  }
  finish(columns, wanted, prior, out);
  work_.kernel_s += watch.lap();
}

}  // namespace variscope::experiments
