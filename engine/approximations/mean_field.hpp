/// The optimal mean-field Gaussian without Monte Carlo error, where expectations of the log density are closed forms or quadrature.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/models/model.hpp"
#include "engine/optimizers/lbfgs.hpp"

namespace variscope::approximations {

/// E_q[log p] and its gradient in (mean, log scale), 2 dim entries; mean, scale: dim entries.
using Expectation = std::function<models::GaussianExpectation(std::span<const double> mean, std::span<const double> scale)>;

/// Of a model that has_gaussian_expectation(), over all its rows, which it must hold. The model must outlive it.
Expectation expectation_of(const models::Model& model);

/// Maximises the ELBO E_q[log p] + H[q] over lambda = (mean, log scale) by L-BFGS from `start` (2 dim entries). value: the ELBO, dim/2 (1 +
/// log 2 pi) of the entropy included. Normal targets of precision P have mean a, scale_i = P_ii^-1/2.
optimizers::Maximum exact_mean_field(const Expectation& expectation, std::vector<double> start, int most = 2000);

}  // namespace variscope::approximations
