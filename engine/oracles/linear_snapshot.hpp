/// Noise components on linear regression under any normal family: plain pathwise gradients, and those with the joint control variate.
#pragma once

#include <span>
#include <string>

#include "engine/oracles/snapshot_control.hpp"

namespace variscope::oracles {

/// What linear_components() is for a mean-field q, for z = m + F n of any normal family (factored.hpp), lambda and snapshot of its length.
/// -H_n being the Hessian of row n's term g_n, d = m - m~, F~ = 0 for pw_cfe: the gradient for m_i is k_ni + sum_c v_nc n_c with
/// v_n = -(H_n (F - F~))_i; that for a parameter moving F_ic at the rate a (a~ at the snapshot) is n_c (u_n + sum_k q_nk n_k) plus a
/// constant, u_n = a g_n(m)_i - a~ g_n(m~)_i, q_n = -(a (H_n F)_i - a~ (H_n F~)_i). Bars being means over rows, V population variances:
///   m:  s2_e = sum_c bar v_c^2,                            s2_d = V k,    s2_ed = sum_c V v_c
///   F:  s2_e = bar u^2 + sum_k (1 + [k = c]) bar q_k^2,    s2_d = V q_c,  s2_ed = V u + sum_k (1 + [k = c]) V q_k
/// estimator: "pw_cfe" or "joint_cv"; std::invalid_argument for others, or if sizes disagree. Cost O(rows dim^3).
NoiseComponents linear_components_under(const std::string& estimator, const LinearProblem& problem, const std::string& family,
                                        std::span<const double> lambda, std::span<const double> snapshot);

}  // namespace variscope::oracles
