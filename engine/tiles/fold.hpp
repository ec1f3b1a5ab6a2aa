/// Fold leaves in the order the tree fixes, holding at most log2 partial results at once.
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "engine/aligned_vector.hpp"
#include "engine/tiles/tree.hpp"

namespace variscope::tiles {

/// left = left (+) right; right holds the later leaves.
using Merge = std::function<void(std::span<double> left, std::span<const double> right)>;

/// Folds single nodes: `leaf(index, partial)` adds leaf `index` into a partial that is zero. Partials are flat arrays. Empty nodes are
/// passed by: neither filled nor merged.
/// Memory: one partial per level, kept between calls. One folder per thread.
class NodeFolder {
 public:
  /// Result of `node`, which is not empty, goes to `out`, whose size is that of a partial.
  template <class Leaf, class MergeFunction>
  void fold(const Tree& tree, Node node, Leaf&& leaf, MergeFunction&& merge, std::span<double> out) {
    fold_range(tree, node, tree.range(node), leaf, merge, out);
  }

 private:
  /// `leaves`: of the node. The right child has those that the left one leaves over.
  template <class Leaf, class MergeFunction>
  void fold_range(const Tree& tree, Node node, Range leaves, Leaf& leaf, MergeFunction& merge, std::span<double> out) {
    if (node.level == 0) {
      std::fill(out.begin(), out.end(), 0.0);
      leaf(leaves.first, out);
      return;
    }
    const Range left = tree.range(node.left());
    const Range right{left.last, leaves.last};
    if (left.size() == 0) return fold_range(tree, node.right(), leaves, leaf, merge, out);
    fold_range(tree, node.left(), left, leaf, merge, out);
    if (right.size() == 0) return;
    const auto level = static_cast<std::size_t>(node.level);
    if (stack_.size() <= level) stack_.resize(level + 1);
    if (stack_[level].size() < out.size()) stack_[level].resize(out.size());
    // The recursion may grow stack_, which moves the vectors but not what they hold; and it only uses lower levels.
    const std::span<double> partial(stack_[level].data(), out.size());
    fold_range(tree, node.right(), right, leaf, merge, partial);
    merge(out, std::span<const double>(partial));
  }

  std::vector<AlignedVector> stack_;
};

/// left += right, element by element: the merge of plain sums.
inline void add(std::span<double> left, std::span<const double> right) {
  for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
}

}  // namespace variscope::tiles
