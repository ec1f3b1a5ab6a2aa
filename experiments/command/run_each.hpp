/// `variscope run` of several specs: one study after the other.
#pragma once

#include <string>
#include <vector>

#include "experiments/command/actions.hpp"

namespace variscope::experiments {

/// Runs each spec as a process of its own, with the words of this command less the other specs. Every spec is planned before the first one
/// runs. options.ranks is the most that a study is given: where it does not divide a study, the most that does. A study that fails does not
/// keep the others from running; one that was asked to stop (85, 130) does. Returns the first status that is not 0. UserError for a spec
/// that cannot be planned, below a launcher, and for options that belong to one study.
int run_each(const std::vector<std::string>& specs, const RunOptions& options, const std::vector<std::string>& words);

}  // namespace variscope::experiments
