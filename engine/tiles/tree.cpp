/// Leaves of a node, and covering nodes of a contiguous range of leaves.
#include "engine/tiles/tree.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace variscope::tiles {

namespace {

int log2_ceil(Index n) { return n <= 1 ? 0 : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(n - 1))); }

/// balanced_range(units, 2^depth, part), by shifting: it is asked for at every node.
Range bisected(Index units, int depth, Index part) {
  __extension__ using Wide = unsigned __int128;
  const Wide round_up = (Wide{1} << depth) - 1;
  const auto cut = [&](Index p) { return static_cast<Index>((static_cast<Wide>(p) * static_cast<Wide>(units) + round_up) >> depth); };
  return {cut(part), cut(part + 1)};
}

void cover(const Tree& tree, Node node, Range owned, std::vector<Node>& nodes) {
  const Range range = tree.range(node);
  if (range.size() == 0 || range.first >= owned.last || range.last <= owned.first) return;
  if (range.first >= owned.first && range.last <= owned.last) {
    nodes.push_back(node);
    return;
  }
  cover(tree, node.left(), owned, nodes);
  cover(tree, node.right(), owned, nodes);
}

}  // namespace

Node Tree::root() const { return {log2_ceil(units()) + log2_ceil(unit), 0}; }

Range Tree::range(Node node) const {
  // The units of the node, or the one that it is a part of: `below` halvings of a unit lead to it.
  const int below = std::max(0, log2_ceil(unit) - node.level);
  const Range whole = bisected(units(), root().level - node.level - below, node.index >> below);
  Range range{whole.first * unit, whole.last * unit};
  if (below > 0 && whole.size() > 0) {
    range.first += (node.index & ((Index{1} << below) - 1)) << node.level;
    range.last = range.first + (Index{1} << node.level);
  }
  return {std::min(range.first, leaves), std::min(range.last, leaves)};
}

std::vector<Node> covering_nodes(const Tree& tree, Range owned) {
  std::vector<Node> nodes;
  cover(tree, tree.root(), owned, nodes);
  return nodes;
}

}  // namespace variscope::tiles
