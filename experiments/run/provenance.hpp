/// Who made a run: text by key for run.h5's /provenance.
#pragma once

#include <map>
#include <string>

#include "cluster/communicator/communicator.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/identity.hpp"

namespace variscope::experiments {

std::map<std::string, std::string> provenance(const Plan& plan, const cluster::Communicator& world, const std::string& reduce);

/// "2026-01-31T12:00:00Z"
std::string utc_now();

}  // namespace variscope::experiments
