/// Table C1: posteriors put together from shards of the rows, beside the posterior of all rows.
#pragma once

#include <vector>

#include "engine/chain_record.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// A section for each cell that combines, a row for each combination; no sections if there is none.
Table combiner_table(const std::vector<ChainCellRecord>& cells, const std::string& study);

}  // namespace variscope::experiments
