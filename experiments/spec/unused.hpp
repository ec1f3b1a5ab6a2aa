/// Keys that are given and that nothing in the study would look at.
#pragma once

#include "experiments/spec/document.hpp"
#include "experiments/spec/spec.hpp"

namespace variscope::experiments::detail {

/// Throws UserError for the first key of the file that no cell looks at: a model's key beside a likelihood that has no use for it, a row
/// policy without minibatches, predictive draws of no rows. Sweeps may give keys that only some of their cells look at.
void check_all_used(const Document& document, const Spec& spec);

}  // namespace variscope::experiments::detail
