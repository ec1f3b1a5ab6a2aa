/// Exact mean and variance of gradient estimators for the low-rank Gaussian, the Gaussian mixture and categorical variables.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "engine/estimators/estimator.hpp"
#include "engine/models/model.hpp"
#include "engine/oracles/estimator_truth.hpp"

namespace variscope::oracles {

/// Families by the catalogue's names; lambda as in engine/families, from which dimensions, rank and components follow. Scores are written
/// out here from covariances, responsibilities and probabilities, not taken from the families. M = samples.
///
///   low_rank_gaussian  sf_raw, sf_mean, sf_loo: any model in one or two dimensions, quadrature. On the Gaussian target in any dimension
///                      pw_cfe, stl, mix, pw_antithetic: z = m + F n, F = (diag d, B), b = H (m - a), W = H F - c S^-1 F, S = F F':
///                      sum_k W_ik^2 for m_i, b_i^2 + sum_k W_ik^2 + W_ic^2 for F_ic, times d_i^2 where log d_i is the parameter; pairs
///                      (n, -n) lose b and the mean's. taylor_hessian has no variance, bonnet_price none in F, taylor_hvp that of pairs
///                      at M samples; pw_quadratic W = H F + diag(B) F with b plus the surrogate's slope (options.surrogate, else its fit:
///                      no slope left, B_i = -(H S)_ii / S_ii); mvd by the moments of Rayleigh and Maxwell variables,
///                      entropy in closed form.
///   gaussian_mixture   sf_raw, sf_mean, sf_loo: any model in one or two dimensions, quadrature
///   categorical        sf_raw, sf_mean, sf_loo: all states, at most 4096; variables of `categories` classes
///
/// f = l - log q (elbo) or l (expectation). Nothing for other names, families or impossible M; std::invalid_argument if lambda's length
/// fits no member.
std::optional<EstimatorTruth> further_family_truth(const std::string& estimator, const models::Model& model, const std::string& family,
                                                   std::span<const double> lambda, estimators::Objective objective, Index samples,
                                                   const Options& options = {}, Index categories = 0);

}  // namespace variscope::oracles
