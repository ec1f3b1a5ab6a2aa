/// Pathwise (reparameterisation) estimators: they differ in what becomes of the entropy and the prior, and in how noise is drawn.
#pragma once

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

Entry pathwise_closed_form_entropy_entry();
Entry pathwise_closed_form_kl_entry();
Entry sticking_the_landing_entry();
Entry antithetic_pathwise_entry();
Entry scrambled_net_pathwise_entry();

}  // namespace variscope::estimators
