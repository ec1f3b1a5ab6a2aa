/// Closed-form variances of ELBO-gradient estimators on the dense Gaussian target under a mean-field Gaussian q, any dimension.
#pragma once

#include <span>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/index.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/oracles/moments.hpp"

namespace variscope::oracles {

/// Notation: target -1/2 (z-a)^T H (z-a); lambda = (m, log s); b = H (m - a). Every function returns 2 dim entries, the mean block first,
/// then the log-scale block, at cost O(dim^2).

/// The exact gradient of the objective: (-b_i, -s_i^2 H_ii + 1), the 1 being the entropy's.
std::vector<double> gaussian_gradient(const models::Gaussian& target, std::span<const double> lambda, estimators::Objective objective);

/// One sample, reparameterisation with closed-form entropy:
/// sum_j H_ij^2 s_j^2 and s_i^2 b_i^2 + 2 s_i^4 H_ii^2 + s_i^2 sum_{j != i} H_ij^2 s_j^2.
std::vector<double> closed_form_entropy_variance(const models::Gaussian& target, std::span<const double> lambda);

/// One sample, sticking the landing (Roeder, Wu, Duvenaud 2017, NeurIPS): H_ij s_j - delta_ij / s_i takes the place of H_ij s_j.
std::vector<double> stick_the_landing_variance(const models::Gaussian& target, std::span<const double> lambda);

/// Average over one pair (eps, -eps), closed-form entropy. Only the even part in eps stays:
/// 0 for the mean, 2 s_i^4 H_ii^2 + s_i^2 sum_{j != i} H_ij^2 s_j^2 for the log scale.
std::vector<double> antithetic_pair_variance(const models::Gaussian& target, std::span<const double> lambda);

/// One sample of c STL + (1 - c) CFE: H_ij s_j - c delta_ij / s_i takes the place of H_ij s_j. c = 0 and c = 1 are the two above.
std::vector<double> mixture_variance(const models::Gaussian& target, std::span<const double> lambda, double c);

/// c of the least total variance: Cov(g, h) is -H_ii and -2 s_i^2 H_ii, Var h is 1 / s_i^2 and 2, and c = -sum Cov / sum Var.
double optimal_mixture(const models::Gaussian& target, std::span<const double> lambda);

/// One sample of the score-function estimator (f - a_p) h, h = eps_i / s_i or eps_i^2 - 1, coefficients holding a_p (2 dim).
/// f = f0 + c^T eps + 1/2 (eps^T A eps - tr A) with c = -S b, A = E - S H S, f0 = E f; E = I with log q sampled, e_i e_i^T with only the
/// own coordinate's, 0 without. By E[F He_n(eps_i)] = E[d_i^n F], with f0 - a_p in the place of f0:
///   P = E f^2 = f0^2 + |c|^2 + 1/2 |A|_F^2,  Q = E[f^2 (eps_i^2 - 1)] = 2 c_i^2 + 2 sum_j A_ij^2 + 2 f0 A_ii,
///   Var = (P + Q - c_i^2) / s_i^2  and  6 A_ii^2 + 4 Q + 2 P - A_ii^2.
/// Cost O(dim^2), O(dim^3) with Entropy::own.
std::vector<double> baseline_variance(const models::Gaussian& target, std::span<const double> lambda, estimators::Objective objective,
                                      Entropy entropy, std::span<const double> coefficients);

/// baseline_variance without a baseline.
std::vector<double> score_function_variance(const models::Gaussian& target, std::span<const double> lambda, estimators::Objective objective,
                                            Entropy entropy = Entropy::sampled);

/// f0, the mean baseline, for each of the 2 dim parameters (all the same unless Entropy::own).
std::vector<double> mean_baseline(const models::Gaussian& target, std::span<const double> lambda, estimators::Objective objective,
                                  Entropy entropy = Entropy::sampled);

/// The best a_p = E[f h^2] / E[h^2]: f0 + A_ii and f0 + 2 A_ii.
std::vector<double> optimal_coefficients(const models::Gaussian& target, std::span<const double> lambda, estimators::Objective objective,
                                         Entropy entropy = Entropy::sampled);

/// The whole M-sample leave-one-out score-function estimate, M = samples >= 2. Not 1/M of anything: the samples share their baseline.
std::vector<double> leave_one_out_variance(const models::Gaussian& target, std::span<const double> lambda, estimators::Objective objective,
                                           Index samples, Entropy entropy = Entropy::sampled);

/// Variance of 1/(M-1) sum_i (f_i - mean f)(h_i - mean h) over M independent pairs: what leave-one-out is, since
/// 1/M sum_i (f_i - mean of the others) h_i = 1/(M-1) sum_i (f_i - mean f) h_i, and centring h as well changes nothing.
/// It is the U-statistic of order 2 with kernel 1/2 (f_1 - f_2)(h_1 - h_2); Hoeffding's decomposition gives
///   Var = (mu22 - mu11^2) / M + (mu20 mu02 + mu11^2) / (M (M - 1)),   mu_jk = E[(f - E f)^j (h - E h)^k].
double sample_covariance_variance(double mu22, double mu20, double mu02, double mu11, Index samples);

}  // namespace variscope::oracles
