/// Figures of draws that carry weights.
#pragma once

#include "engine/chain_record.hpp"
#include "engine/store/trace_file.hpp"

namespace variscope::experiments {

/// Whether the sampler records log_weight.
bool is_weighted(const store::TraceFile& file);

/// Puts into `record` the weights' figures, and in the place of chain diagnostics those of self-normalised importance sampling: moments
/// with their errors (diagnostics::weighted_moments), weighted quantiles, effective sizes of the weights; no R-hat. Draws of all chains
/// that did not fail are one sample: chains of such samplers are independent, and so are their draws. thin: iterations a stored draw.
void weigh(const store::TraceFile& file, const store::TraceLayout& layout, Index thin, ChainsRecord& record);

}  // namespace variscope::experiments
