/// Posterior moments that a spec names, as far as they are known before a run.
#pragma once

#include <string>
#include <vector>

#include "engine/fit_record.hpp"
#include "engine/models/model.hpp"
#include "experiments/spec/spec.hpp"

namespace variscope::experiments {

/// "beta[0]", "sigma", "cov[1,0]": the elements of the model's variables.
std::vector<std::string> element_names(const models::Model& model);

/// The moments of reference.mean and its companions, or of reference.run: of the estimator's, or method's, fits there that are nearest to
/// the posterior by their k-hat (all below 0.7), importance-weighted, the mean over repeats, with standard errors. Empty: the spec names
/// none, or quadrature is to find them. Throws UserError at the key for moments of another model's variables, a run without such fits,
/// and quadrature over too many coordinates.
FitTarget known_moments(const Spec& spec, const Settings& settings, const models::Model& model);

}  // namespace variscope::experiments
