/// Closed-form variances of pathwise ELBO-gradient estimators on the dense Gaussian target under a full-rank Gaussian q, any dimension.
#pragma once

#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/oracles/location_scale.hpp"

namespace variscope::oracles {

/// Notation: target -1/2 (z-a)^T H (z-a); q: z = m + L eps; b = H (m - a), K = H L. Results in lambda's order: q.parameters() entries; the
/// rate of each parameter (q.entries) multiplies those of the factor. Cost O(dim^3). A mean-field q serves too.

/// (-b_i; -K_ij + delta_ij / L_ii): E of -(b_i + sum_k K_ik eps_k) eps_j, plus the entropy's gradient (not for the bare expectation).
std::vector<double> full_rank_gradient(const models::Gaussian& target, const LocationScale& q, estimators::Objective objective);

/// One sample of c STL + (1 - c) CFE, W = K - c L^-T in the place of K:
/// sum_k W_ik^2 for the mean, b_i^2 + sum_k W_ik^2 + W_ij^2 for L_ij. c = 0: closed-form entropy; c = 1: sticking the landing.
std::vector<double> full_rank_mixture_variance(const models::Gaussian& target, const LocationScale& q, double c);

/// c of the least total variance over all parameters.
double full_rank_optimal_mixture(const models::Gaussian& target, const LocationScale& q);

/// Average over one pair (eps, -eps), closed-form entropy: 0 for the mean, sum_k K_ik^2 + K_ij^2 for L_ij.
std::vector<double> full_rank_antithetic_variance(const models::Gaussian& target, const LocationScale& q);

}  // namespace variscope::oracles
