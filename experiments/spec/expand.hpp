/// The product of all sweeps, less the exclusions, each cell checked as a whole.
#pragma once

#include "experiments/spec/document.hpp"
#include "experiments/spec/spec.hpp"

namespace variscope::experiments::detail {

/// Fills spec.cells and spec.excluded. Throws UserError.
void expand(const Document& document, Spec& spec);

}  // namespace variscope::experiments::detail
