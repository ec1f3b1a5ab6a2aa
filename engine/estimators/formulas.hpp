/// What each catalogued estimator computes, as one line of mathematics for the pages of `variscope list`.
#pragma once

#include <string>

namespace variscope::estimators {

/// The estimate of the gradient in lambda from M samples, ASCII; empty for unknown names. z_i = z(lambda, eps_i) ~ q, l: log density (on a
/// minibatch the likelihood counts N / B times), f = l - log q (objective "elbo") or l, h = d log q / d lambda, H: entropy of q, dz:
/// d z / d lambda (transposed), m and s: mean and scale of a mean-field q, avg: average over the M samples.
std::string formula(const std::string& estimator);

}  // namespace variscope::estimators
