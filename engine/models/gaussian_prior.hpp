/// Independent normal priors: batched log density with gradient, and its expectation under a mean-field Gaussian.
#pragma once

#include "engine/models/model.hpp"

namespace variscope::models {

/// Adds sum_d log N(theta_d; mean_d, sd_d^2) of every column, its gradient and Hessian-vector product. Cost O(dim) per column.
void gaussian_log_prior(const GaussianPrior& prior, ConstBatchView theta, Evaluation& out);

/// Adds E_q of the same for q = prod N(mean_d, scale_d^2), closed form.
void expected_gaussian_log_prior(const GaussianPrior& prior, const double* mean, const double* scale, GaussianExpectation& out);

/// The same under N(mean, covariance), with the gradient in (mean, covariance): Model::expected_log_prior_under.
void expected_gaussian_log_prior_under(const GaussianPrior& prior, const double* mean, const double* covariance, GaussianExpectation& out);

}  // namespace variscope::models
