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

/// One sample of coupled weak derivatives in the coordinates of the noise, entropy in closed form. With Q = L'H L, t = L'b and
/// A_k = t_k + sum_{l != k} Q_kl eps_l, replacing eps_k gives a_k = 2 W A_k / sqrt(2 pi), and for k >= j C_kj = a_k eps_j,
/// C_jj = A_j K (1 - U) + 1/2 Q_jj K^2 (1 - U^2), where E W = sqrt(pi / 2), E W^2 = 2, |eps_j| / |K| is uniform, E K^2 = 3 and E K^4 = 15.
/// The estimates are -L^-T a and -L^-T C, whose variances follow from the covariances of a and of C's columns.
std::vector<double> full_rank_measure_valued_variance(const models::Gaussian& target, const LocationScale& q);

}  // namespace variscope::oracles
