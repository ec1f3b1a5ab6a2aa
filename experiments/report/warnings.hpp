/// What a reader must know before the first number: gates failed, samplers that did not mix, approximations that do not fit.
#pragma once

#include <string>
#include <vector>

#include "experiments/report/tables.hpp"

namespace variscope::experiments {

/// One sentence each, worst things first; empty if nothing is wrong. Read from the tables, so that the page and they cannot disagree.
/// Thresholds: R-hat 1.01 and k-hat 0.7 (Vehtari et al. 2021, 2024), E-BFMI 0.3 (Betancourt 2016), any divergence, any failed chain or fit.
std::vector<std::string> report_warnings(const std::vector<NamedTable>& tables, const ReportContext& context);

}  // namespace variscope::experiments
