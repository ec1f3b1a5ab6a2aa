/// Independent normal priors: batched log density with gradient, and its expectation under a mean-field Gaussian.
#pragma once

#include "engine/models/model.hpp"

namespace variscope::models {

/// Adds sum_d log N(theta_d; mean_d, sd_d^2) of every column, and its gradient. Cost O(dim) per column.
void gaussian_log_prior(const GaussianPrior& prior, ConstBatchView theta, Evaluation& out);

/// Adds E_q of the same for q = prod N(mean_d, scale_d^2), closed form.
void expected_gaussian_log_prior(const GaussianPrior& prior, const double* mean, const double* scale, GaussianExpectation& out);

}  // namespace variscope::models
