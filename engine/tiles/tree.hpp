/// The one binary tree over global leaf indices: which leaves merge with which, whoever owns them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/index.hpp"

namespace variscope::tiles {

/// Node (level, index) covers leaves [index 2^level, (index + 1) 2^level), cut at the total. A node without a right sibling
/// passes up unmerged. The tree is a function of the total alone: ranks, threads and ranges never enter.
struct Node {
  int level = 0;
  Index index = 0;

  [[nodiscard]] Index first() const { return index << level; }
  [[nodiscard]] Index last(Index total) const { return std::min((index + 1) << level, total); }
  [[nodiscard]] bool is_right() const { return (index & 1) != 0; }
  [[nodiscard]] Node parent() const { return {level + 1, index >> 1}; }
  [[nodiscard]] Node left() const { return {level - 1, index << 1}; }
  [[nodiscard]] Node right() const { return {level - 1, (index << 1) + 1}; }
  friend bool operator==(const Node&, const Node&) = default;
};

/// The root over `total` leaves.
inline Node root(Index total) { return {total <= 1 ? 0 : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(total - 1))), 0}; }

/// The maximal nodes that lie wholly in `owned`, in leaf order: what a rank can fold without asking anyone. At most 2 log2(total).
std::vector<Node> covering_nodes(Range owned, Index total);

}  // namespace variscope::tiles
