/// Closed-form noise components on linear regression of pathwise gradients that a snapshot controls: SVRG, the joint control variate.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/index.hpp"
#include "engine/oracles/components.hpp"

namespace variscope::oracles {

/// y_n ~ N(x_n'z, noise_sd^2), independent normal prior; features rows x dim row by row, one response a row.
struct LinearProblem {
  Index rows = 0;
  Index dim = 0;
  std::vector<double> features;
  std::vector<double> response;
  double noise_sd = 1;
  double prior_mean = 0;
  double prior_sd = 1;
};

/// Components of one row and one sample under a mean-field q, lambda = (m, log s), the control expanded at snapshot = (m~, log s~), or for
/// saga at phi_n, the means at which row n was last seen (rows x dim); see
/// noise.hpp for what minibatches with or without replacement, M and R make of them. Any number of rows.
///
/// With w = 1 / noise_sd^2, g_n(z) = (mu - z) / prior_sd^2 + N w x_n (y_n - x_n'z), -H_n = d g_n / dz, G and H means over rows, d = m - m~:
/// the gradient for m_i is k_ni + sum_j v_nij eps_j, that for log s_i eps_i (u_ni + sum_j q_nij eps_j) plus a constant, where
///   pw_cfe    k = g_n(m)            v_ij = -H_ij s_j             u = s_i g_n(m)_i                       q_ij = -H_ij s_i s_j
///   svrg      k = -H_n d + G(m~)    as pw_cfe                    as pw_cfe                              as pw_cfe
///   saga      k = g_n(m) - w_n(phi_n) + bar w(phi), w_n = N w x_n (y_n - x_n'z); v, u, q as pw_cfe
///   joint_cv  k as svrg             v_ij = -H_ij (s_j - s~_j)    u = s_i g_n(m)_i - s~_i g_n(m~)_i      q_ij = -H_ij (s_i s_j - s~_i s~_j)
/// (H those of row n). Bars being means over rows and V their population variances:
///   m:      s2_e = sum_j bar v_ij^2,                              s2_d = V k_i,   s2_ed = sum_j V v_ij
///   log s:  s2_e = bar u_i^2 + 2 bar q_ii^2 + sum_{j!=i} bar q_ij^2,  s2_d = V q_ii,  s2_ed = V u_i + 2 V q_ii + sum_{j!=i} V q_ij
/// Throws std::invalid_argument for any other name, or if sizes disagree. Cost O(rows dim^2).
NoiseComponents linear_components(const std::string& estimator, const LinearProblem& problem, std::span<const double> lambda,
                                  std::span<const double> snapshot);

}  // namespace variscope::oracles
