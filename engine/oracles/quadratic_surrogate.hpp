/// Exact mean and variance of the pathwise estimator with a diagonal quadratic surrogate as control variate.
#pragma once

#include <span>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/oracles/estimator_truth.hpp"

namespace variscope::oracles {

/// Per coordinate grad l is compared with b_d + B_d (z_d - m_d): one sample is g_d - B_d (z_d - m_d) for the mean and (g_i - b_i -
/// B_i (z_i - m_i)) dL_ij/dlambda eps_j for the factor, the surrogate's own expectation added. surrogate: b, then B; empty: the
/// least-squares fit, B_d = E[g_d (z_d - m_d)] / Var z_d, b_d = E g_d. One or two dimensions, by the trapezoidal rule, else
/// std::invalid_argument. Source: Geffner, Domke 2020, NeurIPS, section 4, with a diagonal quadratic.
EstimatorTruth quadratic_surrogate_moments(const models::Model& model, const LocationScale& q, estimators::Objective objective,
                                           std::span<const double> surrogate);

/// The variance on the Gaussian target in any dimension: with c = -H (m - a), k_dj = -(H L)_dj - B_d L_dj,
/// d/dm: |k_d|^2;  d/dlambda for L_ij: (dL_ij/dlambda)^2 ((c_i - b_i)^2 + |k_i|^2 + k_ij^2). The fit is b = c, B_d = -(H L L')_dd / (L
/// L')_dd.
std::vector<double> quadratic_surrogate_variance(const models::Gaussian& target, const LocationScale& q, std::span<const double> surrogate);

}  // namespace variscope::oracles
