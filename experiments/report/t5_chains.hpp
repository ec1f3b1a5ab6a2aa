/// Table T5 of samplers: how near the moments of their draws are to the posterior's, and for how many evaluations.
#pragma once

#include <string>
#include <vector>

#include "experiments/report/sampler_table.hpp"

namespace variscope::experiments {

/// A section for each problem with reference moments, a row for each sampler and setting; columns by the names that T5 of fits has.
Table t5_chains(const std::vector<SamplerEntry>& entries, const std::string& study);

}  // namespace variscope::experiments
