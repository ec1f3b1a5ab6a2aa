/// Exact moments of one sample, from which mean and variance of every estimator follow: any model of one or two dimensions.
#pragma once

#include <span>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/models/model.hpp"

namespace variscope::oracles {

/// Moments of one sample per parameter (2 dim entries each), from which every estimator's variance follows.
/// f = l - log q (elbo) or l (expectation); h = score of q; g = pathwise gradient of l in lambda, entropy's gradient included.
struct OneSampleMoments {
  double value = 0;                      ///< E f: the objective
  double value_variance = 0;             ///< Var f
  std::vector<double> gradient;          ///< E[f h]
  std::vector<double> score_variance;    ///< Var[f h]
  std::vector<double> centred_variance;  ///< Var[(f - E f) h]: the mean baseline
  std::vector<double> value_score2;      ///< E[f h^2]
  std::vector<double> score2;            ///< E[h^2]: 1/s^2, 2
  std::vector<double> path_mean;         ///< E g
  std::vector<double> path_variance;     ///< Var g
  std::vector<double> even_variance;     ///< Var of the average of g over (eps, -eps)
  std::vector<double> landing_mean;      ///< E of sticking the landing
  std::vector<double> landing_variance;
  std::vector<double> likelihood_mean;  ///< E of PW-KL: likelihood through z, prior and entropy exact; empty without a Gaussian prior
  std::vector<double> likelihood_variance;
  double error = 0;  ///< bounds every entry: difference of the two finest grids plus rounding
};

/// By the trapezoidal rule on (eps) or (eps1, eps2), step halved until two grids agree to 1e-12 of the largest entry or nodes run out
/// (`error` then says how far it came). Full data; all rows must be held. dim 1 or 2, else std::invalid_argument.
OneSampleMoments one_sample_moments(const models::Model& model, std::span<const double> lambda, estimators::Objective objective);

}  // namespace variscope::oracles
