/// From trace files to what run.h5 says of them, and from that to what tables are made of.
#pragma once

#include "engine/chain_record.hpp"
#include "engine/store/trace_file.hpp"
#include "experiments/run/sample_settings.hpp"
#include "experiments/run/sample_summary.hpp"

namespace variscope::experiments {

/// Of a finished trace file: figures of every scalar and every chain, the file's hash; no timings. rows: of the cell's data; gradients of
/// single rows are counted in gradients of all of them. Costs summarise_trace(), and as much again for nested R-hat where chains share
/// starts. threads do not change a bit.
ChainsRecord record_of_trace(const store::TraceFile& file, const store::TraceLayout& layout, const SampleSettings& settings, Index rows,
                             int threads);

/// The summary that the record was made from.
SamplerSummary summary_of_record(const ChainCellRecord& cell, const ChainsRecord& chains);

}  // namespace variscope::experiments
