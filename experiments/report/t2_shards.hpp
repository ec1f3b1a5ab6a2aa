/// Table T2 within fixed shards: the noise components of every shard's own rows, as the replica that owns them sees them.
#pragma once

#include <string>
#include <vector>

#include "engine/diagnostics/components.hpp"
#include "experiments/report/summaries.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// One shard under one estimator.
struct ShardComponents {
  std::string estimator;
  Index shard = 0;
  Range rows;
  diagnostics::ComponentEstimates estimates;  ///< traces over all parameters
  diagnostics::Estimate variance;             ///< tr Var of one estimate of the replica that owns the shard
};

/// All shards and estimators at one point of one cell.
struct ShardPoint {
  std::string cell;
  std::string heading;
  std::string point;
  std::vector<ShardComponents> shards;
};

/// A row per estimator and shard; no sections if no cell has fixed shards.
Table t2_shards(const std::vector<ShardPoint>& points, const ReportContext& context);

}  // namespace variscope::experiments
