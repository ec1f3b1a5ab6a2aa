/// A rank's share of a data set, standardised by moments that all shards fold together.
#pragma once

#include <span>
#include <vector>

#include "cluster/topology/layout.hpp"
#include "engine/data/table.hpp"
#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// Reads rows share(shards, shard) and prepares them as the spec asks. Collective over the shard ranks. The bits do not depend on the
/// sharding. `wanted`, unless null, becomes the moments of the training rows, for load_test_share.
data::Table load_share(const DataPlan& plan, const cluster::Communicator& shards, std::vector<double>* wanted = nullptr);

/// The rows held out (data.test_fraction), prepared as the training rows are: by the moments of those. Shard r of the ranks reads its
/// range of them, cut at whole row tiles; rows are numbered from 0 in the order of the file. No messages.
data::Table load_test_share(const DataPlan& plan, const cluster::Communicator& shards, std::span<const double> moments);

/// A made-up data set of `points` rows: design column `column` (a number) goes from its least to its largest training value in equal steps,
/// the other columns stay at their means (levels: at their shares); then standardised, products and intercept added as for the training
/// rows. Responses are zeros that nothing should look at. moments: those of the training rows. On every rank alike; no messages.
data::Table grid_table(const DataPlan& plan, std::span<const double> moments, Index column, Index points, double margin = 0);

}  // namespace variscope::experiments
