/// What the tables and figures of samplers are made from: every sampler's summary, beside its problem and what tells it apart.
#pragma once

#include <string>
#include <vector>

#include "engine/chain_record.hpp"
#include "experiments/report/sampler_table.hpp"

namespace variscope::experiments {

/// In the order of cells and of samplers within them. Cells with the same posterior have the same problem.
std::vector<SamplerEntry> summarise_chains(const std::vector<ChainCellRecord>& cells);

/// Cells with predictions as cells of fits, one of each sampler, with what T6 and the figure of bands read.
std::vector<FitCellRecord> predictions_of_chains(const std::vector<ChainCellRecord>& cells);

/// What of a trace's layout the record knows: its posterior group.
store::TraceLayout layout_of_record(const ChainCellRecord& cell, const ChainsRecord& chains);

}  // namespace variscope::experiments
