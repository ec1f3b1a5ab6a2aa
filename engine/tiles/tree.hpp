/// The one binary tree over global leaf indices: which leaves merge with which, whoever owns them.
#pragma once

#include <vector>

#include "engine/index.hpp"

namespace variscope::tiles {

/// A place in a tree: `level` counts from the bottom (level 0: single leaves), `index` from the left. What lies below it, Tree knows.
struct Node {
  int level = 0;
  Index index = 0;

  [[nodiscard]] Node parent() const { return {level + 1, index >> 1}; }
  [[nodiscard]] Node left() const { return {level - 1, index << 1}; }
  [[nodiscard]] Node right() const { return {level - 1, (index << 1) + 1}; }
  friend bool operator==(const Node&, const Node&) = default;
};

/// The tree over `leaves` leaves in units of `unit` consecutive ones (a power of two; the last unit may be short). It bisects the units:
/// of U units, node k at depth d covers [ceil(k U / 2^d), ceil((k + 1) U / 2^d)), down to single units; within a unit it halves the
/// leaves, cut at their number. A node may be empty; its sibling then passes up unmerged. Balanced ranges of units (balanced_range) in
/// 2^d parts are single nodes. The tree is a function of (leaves, unit) alone: ranks, threads and ranges never enter.
struct Tree {
  Index leaves = 1;
  Index unit = 1;

  [[nodiscard]] Index units() const { return (leaves + unit - 1) / unit; }
  /// Its level is ceil(log2 units) + log2 unit.
  [[nodiscard]] Node root() const;
  /// The leaves below a node. O(1).
  [[nodiscard]] Range range(Node node) const;
  [[nodiscard]] bool empty(Node node) const { return range(node).size() == 0; }
};

/// The maximal nodes that lie wholly in `owned` and are not empty, in leaf order: what a rank can fold without asking anyone.
/// At most two of a level, or the root.
std::vector<Node> covering_nodes(const Tree& tree, Range owned);

}  // namespace variscope::tiles
