/// Exact moments of one sample, from which mean and variance of every estimator follow: any model of one or two dimensions.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/models/model.hpp"
#include "engine/oracles/location_scale.hpp"

namespace variscope::oracles {

/// What becomes of the entropy in estimators that use values of f only (objective elbo).
enum class Entropy {
  sampled,  ///< f = l - log q
  own,      ///< f = l - log q_d for the parameters of coordinate d, what of -log q does not depend on it left out (mean-field only)
  exact     ///< f = l, the entropy's gradient in closed form
};

/// Moments of one sample per parameter (lambda's order), from which every estimator's variance follows.
/// f = l - log q (elbo; see Entropy) or l (expectation); h = score of q; g = pathwise gradient of l in lambda, entropy's gradient included.
struct OneSampleMoments {
  double value = 0;                      ///< E f
  double value_variance = 0;             ///< Var f
  std::vector<double> gradient;          ///< E[f h], plus the entropy's gradient where it is exact: the objective's gradient
  std::vector<double> centre;            ///< E f: the mean baseline (the same for all parameters unless Entropy::own)
  std::vector<double> spread;            ///< Var f, likewise
  std::vector<double> covariance;        ///< E[f h]
  std::vector<double> score_variance;    ///< Var[f h]
  std::vector<double> centred_variance;  ///< Var[(f - E f) h]: the mean baseline
  std::vector<double> value_score2;      ///< E[f h^2]
  std::vector<double> centred_score2;    ///< E[(f - E f) h^2]
  std::vector<double> score2;            ///< E[h^2]: 1/s^2, 2
  std::vector<double> path_mean;         ///< E g
  std::vector<double> path_variance;     ///< Var g
  std::vector<double> path_score;        ///< Cov(g, h): sticking the landing is g + h, c of it g + c h
  std::vector<double> even_variance;     ///< Var of the average of g over (eps, -eps)
  std::vector<double> landing_mean;      ///< E of sticking the landing
  std::vector<double> landing_variance;
  std::vector<double>
      constant_variance;                ///< Var g with grad l(m) dz/dlambda subtracted (mean 0 in the scale block, none in the mean block)
  std::vector<double> taylor_variance;  ///< Var g with its first-order Taylor expansion at m subtracted; empty without Hessians
  std::vector<double> price_mean;  ///< E of Bonnet's and Price's gradient, grad l and the entries of Hessian x L; empty without Hessians
  std::vector<double> price_variance;
  std::vector<double> likelihood_mean;  ///< E of PW-KL: likelihood through z, prior and entropy exact; empty without a Gaussian prior
  std::vector<double> likelihood_variance;
  double error = 0;  ///< bounds every entry: difference of the two finest grids plus rounding

  /// Coefficient a_p whose subtraction from f makes Var[(f - a_p) h_p] least: E[f h^2] / E[h^2] = Cov(f h, h) / Var h.
  [[nodiscard]] double optimal_coefficient(std::size_t p) const { return centre[p] + centred_score2[p] / score2[p]; }
  /// Var[(f - b) h_p].
  [[nodiscard]] double baseline_variance(std::size_t p, double b) const;
  /// c whose mixture c STL + (1 - c) CFE has the least total variance: -sum Cov(g, h) / sum Var h.
  [[nodiscard]] double optimal_mixture() const;
};

/// Appends the moments of f and f h of one parameter (centre .. centred_score2): node k has this weight, f[k] and h = score(k).
/// exact: what is added to E[f h] in closed form. Two passes, so that nothing cancels.
void add_score_moments(const std::vector<double>& weights, const std::vector<double>& f, const std::function<double(std::size_t)>& score,
                       double exact, OneSampleMoments& to);

/// By the trapezoidal rule on (eps) or (eps1, eps2), step halved until two grids agree to 1e-12 of the largest entry or nodes run out
/// (`error` then says how far it came). Full data; all rows must be held. dim 1 or 2, else std::invalid_argument, as for Entropy::own
/// unless q is mean-field.
OneSampleMoments one_sample_moments(const models::Model& model, const LocationScale& q, estimators::Objective objective,
                                    Entropy entropy = Entropy::sampled);

/// Mean-field: lambda = (m, log s).
OneSampleMoments one_sample_moments(const models::Model& model, std::span<const double> lambda, estimators::Objective objective);

}  // namespace variscope::oracles
