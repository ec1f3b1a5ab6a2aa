/// Exact mean and variance of gradient estimators for independent Bernoulli variables, by enumerating the corners of the cube.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/models/model.hpp"
#include "engine/oracles/estimator_truth.hpp"

namespace variscope::oracles {

/// q(b) = prod s_d^b_d (1 - s_d)^(1 - b_d), s = 1 / (1 + exp(-phi)), logits phi (dim entries, the parameters); log densities of the model
/// are taken at b in {0, 1}^dim. f is l - log q or l (Entropy, objective). Names, M = samples being the number of independent uniform
/// vectors:
///   sf_raw, sf_mean, sf_rb, sf_loo      f (b - s), with the baselines of Options; also "reinforce" for sf_raw
///   arm              (f(1[u > s(-phi)]) - f(1[u < s(phi)])) (u - 1/2)                     Yin, Zhou 2019, ICLR
///   disarm           1/2 (f(b) - f(b~)) (-1)^b~_d 1[b_d != b~_d] s(|phi_d|), the pair from u and 1 - u
///                                                                    Dong, Mnih, Tucker 2020, NeurIPS; U2G: Yin et al. 2020
///   rebar            f(b) (b - s) - (f(y~) (b - s) + l'(y~) dy~/dphi) + l'(y) dy/dphi, y as below, y~ likewise from a noise drawn given b;
///                    eta = 1; one dimension                     Tucker, Mnih, Maddison, Lawson, Sohl-Dickstein 2017, NeurIPS, eq. 5
///   straight_through l_d'(b) s (1 - s): the derivative of the probability in the place of that of the step; biased
///   gumbel_softmax   l'(y) y (1 - y) / tau, y = s((phi + logistic noise) / tau): biased; one dimension
///   straight_through_gumbel  l'(b) y (1 - y) / tau, b = 1[y > 1/2]: biased; one dimension
/// The last four take the entropy's gradient, -phi s (1 - s), in closed form. Enumeration up to 12 (score function, straight through) or 9
/// dimensions (arm, disarm: three pieces of each uniform). Nothing beyond, and nothing for unknown names or impossible M.
std::optional<EstimatorTruth> bernoulli_truth(const std::string& estimator, const models::Model& model, std::span<const double> logits,
                                              estimators::Objective objective, Index samples, const Options& options = {});

/// The exact gradient of the objective in the logits: s (1 - s) (E[f | b_d = 1] - E[f | b_d = 0]). Up to 12 dimensions, else
/// std::invalid_argument.
std::vector<double> bernoulli_gradient(const models::Model& model, std::span<const double> logits, estimators::Objective objective);

/// Score-function moments of one sample by enumeration: the fields gradient .. score2 of OneSampleMoments, one entry a logit.
OneSampleMoments bernoulli_moments(const models::Model& model, std::span<const double> logits, estimators::Objective objective,
                                   Entropy entropy);

}  // namespace variscope::oracles
