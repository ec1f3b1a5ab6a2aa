/// Who owns which leaves of a fold: contiguous balanced ranges of whole units.
#pragma once

#include <algorithm>

#include "engine/index.hpp"

namespace variscope::cluster {

/// `leaves` leaves in units of `unit` consecutive ones; ranks own balanced contiguous ranges of units. O(1) whatever the number of ranks.
/// Units let folds with finer and coarser tiles share one division of the data: a rank's rows are the same for all of them.
struct Ownership {
  Index leaves = 1;
  Index unit = 1;
  Index parts = 1;

  [[nodiscard]] Index units() const { return (leaves + unit - 1) / unit; }
  [[nodiscard]] Range range(Index part) const {
    const Range r = balanced_range(units(), parts, part);
    return {std::min(r.first * unit, leaves), std::min(r.last * unit, leaves)};
  }
  [[nodiscard]] int owner(Index leaf) const { return static_cast<int>(balanced_owner(units(), parts, leaf / unit)); }
};

}  // namespace variscope::cluster
