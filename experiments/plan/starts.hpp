/// Starts of chains that come from a run of fits.
#pragma once

#include <vector>

#include "engine/models/model.hpp"
#include "experiments/spec/spec.hpp"

namespace variscope::experiments {

/// [start x dim]: draws from the approximation of largest ELBO among the Gaussian fits of sampler.init_run that did not diverge; where
/// there are none, the mode. A start is a function of (seed, start). Throws UserError at the key for a run without such fits of this model.
std::vector<double> starts_of_run(const Spec& spec, const Settings& settings, const models::Model& model);

}  // namespace variscope::experiments
