/// Exact mean and variance of stratified pathwise gradients of Gaussian mixtures.
#pragma once

#include <optional>
#include <span>

#include "engine/estimators/estimator.hpp"
#include "engine/models/model.hpp"
#include "engine/oracles/estimator_truth.hpp"

namespace variscope::oracles {

/// pw_stratified of M = samples: its one-sample gradient, a function of one noise vector, by trapezoids over that noise in one or two
/// dimensions; nothing in more. Densities of the mixture and their slopes are written out as sums of normals. lambda: as of
/// families::GaussianMixture. f = l - log q (elbo) or l (expectation). std::invalid_argument if lambda's length fits no mixture.
std::optional<EstimatorTruth> stratified_truth(const models::Model& model, std::span<const double> lambda, estimators::Objective objective,
                                               Index samples);

}  // namespace variscope::oracles
