/// Covering nodes of a contiguous range of leaves.
#include "engine/tiles/tree.hpp"

namespace variscope::tiles {

std::vector<Node> covering_nodes(Range owned, Index total) {
  std::vector<Node> nodes;
  Index leaf = owned.first;
  while (leaf < owned.last) {
    Node node{0, leaf};
    // Climb while this node is a left child (or alone) and the parent stays inside the range.
    while (!(node == root(total)) && !node.is_right() && node.parent().last(total) <= owned.last) node = node.parent();
    nodes.push_back(node);
    leaf = node.last(total);
  }
  return nodes;
}

}  // namespace variscope::tiles
