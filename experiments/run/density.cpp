/// Mapping column groups x row tiles over threads as OpenMP tasks that follow the tree.
#include "experiments/run/density.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <exception>

namespace variscope::experiments {

namespace {

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

models::Counts Density::leaf(const Group& group, const RowTiles& rows, Index tile, tiles::ConstBatchView theta, models::Wanted wanted,
                             Index height, std::span<double> out) const {
  const Range range{tile * rows.row_tile, std::min((tile + 1) * rows.row_tile, model_.rows())};
  models::RowList list{range};
  if (!group.segment->all_rows) {
    const auto& all = group.segment->rows;
    const auto first = std::lower_bound(all.begin(), all.end(), range.first);
    const auto last = std::lower_bound(first, all.end(), range.last);
    if (first == last) return {};
    list.indices = &*first;
    list.index_count = last - first;
  }
  models::Evaluation evaluation{wanted, {out.data(), height, theta.count}, {}};
  model_.log_likelihood(list, theta, evaluation);
  return evaluation.counts;
}

void Density::map(tiles::ConstBatchView theta, const RowTiles& rows, models::Wanted wanted, std::span<const tiles::Node> nodes,
                  Index height) {
  const tiles::Tree tree = rows.ownership.tree();
  const Index size = theta.blocks() * height * tiles::kLanes;
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
  partials_.resize(parts_.size() * static_cast<std::size_t>(size));
  const auto place = [&](std::size_t part, const Group& group) {
    return std::span<double>(partials_).subspan(
        part * static_cast<std::size_t>(size) + static_cast<std::size_t>(group.first_block * height * tiles::kLanes),
        static_cast<std::size_t>((group.last_block - group.first_block) * height * tiles::kLanes));
  };
  Caught caught;
  models::Counts counts;
  const auto pieces = static_cast<Index>(groups_.size() * parts_.size());
#pragma omp parallel num_threads(threads_) if (threads_ > 1)
  {
    models::Counts mine;
#pragma omp for schedule(dynamic, 1) nowait
    for (Index piece = 0; piece < pieces; ++piece) {
      caught.run([&] {
        const Group& group = groups_[static_cast<std::size_t>(piece) / parts_.size()];
        const std::size_t part = static_cast<std::size_t>(piece) % parts_.size();
        const tiles::ConstBatchView columns = group.live(theta);
        const auto fold_leaf = [&](Index tile, std::span<double> out) { mine += leaf(group, rows, tile, columns, wanted, height, out); };
        folders_[static_cast<std::size_t>(omp_get_thread_num())].fold(tree, parts_[part], fold_leaf, tiles::add, place(part, group));
      });
    }
#pragma omp critical(variscope_counts)
    counts += mine;
  }
  caught.rethrow();
  work_.counts += counts;
  // The upper levels of every covering node, and its value moved to where the fold across ranks looks for it.
  std::size_t next = 0;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const std::span<double> value = join(tree, nodes[n], static_cast<std::size_t>(size), next);
    const auto place_of_node = partials_.begin() + static_cast<std::ptrdiff_t>(n) * size;
    if (value.data() != &*place_of_node) std::copy(value.begin(), value.end(), place_of_node);
  }
}

std::span<double> Density::join(const tiles::Tree& tree, tiles::Node node, std::size_t size, std::size_t& next) {
  if (parts_[next] == node) return std::span<double>(partials_).subspan(size * next++, size);
  if (tree.empty(node.left())) return join(tree, node.right(), size, next);
  const std::span<double> left = join(tree, node.left(), size, next);
  if (!tree.empty(node.right())) tiles::add(left, join(tree, node.right(), size, next));
  return left;
}

void Density::finish(tiles::ConstBatchView theta, double scale, models::Wanted wanted, bool prior, tiles::Batch& out) {
  Caught caught;
  models::Counts counts;
#pragma omp parallel for num_threads(threads_) if (threads_ > 1) schedule(static)
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    caught.run([&] {
      const Group& group = groups_[g];
      if (scale != 1.0) {
        double* end = out.view().block(group.last_block);
        for (double* x = out.view().block(group.first_block); x != end; ++x) *x *= scale;
      }
      if (!prior) return;
      models::Evaluation evaluation{wanted, group.live(out.view()), {}};
      model_.log_prior(group.live(theta), evaluation);
#pragma omp critical(variscope_counts)
      counts += evaluation.counts;
    });
  }
  caught.rethrow();
  work_.counts += counts;
}

void Density::evaluate(tiles::ConstBatchView theta, std::span<const Segment> segments, const RowTiles& rows, double scale,
                       models::Wanted wanted, bool prior, tiles::Batch& out) {
  const Index height = wanted.gradient ? 1 + theta.dim : 1;
  out.resize(height, theta.count);
  Stopwatch watch;
  groups_.clear();
  for (const Segment& s : segments) {
    const Index last = s.first_block + (s.count + tiles::kLanes - 1) / tiles::kLanes;
    for (Index block = s.first_block; block < last; block += kGroupBlocks)
      groups_.push_back({&s, block, std::min(block + kGroupBlocks, last)});
  }
  if (model_.rows() > 0) {
    const auto nodes = rows.ownership.nodes(shards_.rank());
    map(theta, rows, wanted, nodes, height);
    work_.kernel_s += watch.lap();
    const std::span<double> result(out.data(), static_cast<std::size_t>(out.size()));
    cluster::fold_across(shards_, rows.ownership, out.size(), partials_, tiles::add, reduce_, result);
    work_.communication_s += watch.lap();
    if (shards_.rank() != 0) return;
  } else {
    out.set_zero();
  }
  finish(theta, scale, wanted, prior, out);
  work_.kernel_s += watch.lap();
}

}  // namespace variscope::experiments
