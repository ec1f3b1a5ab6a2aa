/// Exact mean and variance of the pathwise estimator with a diagonal quadratic surrogate as control variate.
#pragma once

#include <span>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/oracles/estimator_truth.hpp"

namespace variscope::oracles {

/// Per coordinate grad l is compared with b_d + B_d (z_d - m_d): one sample is g_d - B_d s_d eps_d for the mean and s_d eps_d (g_d - b_d -
/// B_d s_d eps_d) for the log scale, the surrogate's own expectation added. surrogate: b, then B; empty: the least-squares fit, B_d = E[g_d
/// eps_d] / s_d, b_d = E g_d. Mean-field q of one or two dimensions, by the trapezoidal rule, else std::invalid_argument.
/// Source: Geffner, Domke 2020, NeurIPS, section 4, with a diagonal quadratic.
EstimatorTruth quadratic_surrogate_moments(const models::Model& model, const LocationScale& q, estimators::Objective objective,
                                           std::span<const double> surrogate);

/// The variance on the Gaussian target in any dimension: with c = -H (m - a), k_j = -H_dj s_j - [d = j] B_d s_d,
/// d/dm: |k|^2;  d/d log s: s_d^2 ((c_d - b_d)^2 + |k|^2 + k_d^2). The fit is b = c, B_d = -H_dd.
std::vector<double> quadratic_surrogate_variance(const models::Gaussian& target, const LocationScale& q, std::span<const double> surrogate);

}  // namespace variscope::oracles
