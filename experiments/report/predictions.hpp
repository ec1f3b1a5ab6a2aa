/// From cells with crossed designs to what they say about all cells of the same path: the contents of tables T2 and T3.
#pragma once

#include <vector>

#include "experiments/report/t2.hpp"
#include "experiments/report/t2_shards.hpp"
#include "experiments/report/t3.hpp"

namespace variscope::experiments {

struct Predictions {
  std::vector<ComponentPoint> components;  ///< of every cell with designs
  std::vector<ShardPoint> shards;          ///< of every cell with designs within fixed shards; other cells' repetitions left out
  std::vector<ScalingSection> scaling;     ///< of every group of cells that differ in replicas or their policies
  Index comparisons = 0;                   ///< of predicted with measured: what Bonferroni divides by
};

/// Estimators that failed their bias gate, or are declared biased, are left out with a note. Cost O(cells^2 settings), and jackknifes.
Predictions predict(const std::vector<CellSummary>& cells);

}  // namespace variscope::experiments
