/// What tables say of how a cell's estimators sample, where it is not what their names promise or differs between them.
#pragma once

#include <string>
#include <vector>

#include "experiments/report/summaries.hpp"

namespace variscope::experiments {

/// Of estimators on nets whose number of points is no power of two: "pw_rqmc: ..."; empty if there are none. Replicas that split a net
/// share one of R M points.
std::string net_note(const CellRecord& cell);

/// Under the ELBO: which estimators sample the entropy's gradient and which add it in closed form, if the cells have both; else empty.
std::string entropy_note(const std::vector<CellSummary>& cells);

}  // namespace variscope::experiments
