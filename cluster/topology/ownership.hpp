/// Who owns which leaves of a fold: contiguous balanced ranges of whole units, cut as the tree cuts them.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/index.hpp"
#include "engine/tiles/tree.hpp"

namespace variscope::cluster {

/// `leaves` leaves in units of `unit` (a power of two) consecutive ones; ranks own balanced contiguous ranges of units. O(1) whatever
/// the number of ranks. Units let folds with finer and coarser tiles share one division of the data: a rank's rows are the same for all
/// of them. Where `parts` is a power of two, a part that is not empty is one node of the tree.
struct Ownership {
  Index leaves = 1;
  Index unit = 1;
  Index parts = 1;

  /// What is folded; no matter how many parts.
  [[nodiscard]] tiles::Tree tree() const { return {leaves, unit}; }
  [[nodiscard]] Index units() const { return tree().units(); }
  [[nodiscard]] Range range(Index part) const {
    const Range r = balanced_range(units(), parts, part);
    return {std::min(r.first * unit, leaves), std::min(r.last * unit, leaves)};
  }
  [[nodiscard]] int owner(Index leaf) const { return static_cast<int>(balanced_owner(units(), parts, leaf / unit)); }
  /// What a part folds alone, in leaf order: tiles::covering_nodes of its range.
  [[nodiscard]] std::vector<tiles::Node> nodes(Index part) const { return tiles::covering_nodes(tree(), range(part)); }
};

}  // namespace variscope::cluster
