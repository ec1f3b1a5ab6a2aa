/// How many columns are evaluated together, and what that takes.
#include "experiments/plan/cost.hpp"

#include <algorithm>
#include <cmath>

namespace variscope::experiments {

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

}  // namespace variscope::experiments
