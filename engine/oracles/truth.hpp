/// What every gradient estimator must come out as: exact mean and variance of a whole M-sample estimate, without any sampling.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "engine/estimators/estimator.hpp"
#include "engine/index.hpp"
#include "engine/models/model.hpp"
#include "engine/oracles/estimator_truth.hpp"

namespace variscope::oracles {

/// Truth of the M-sample estimate (M = samples) of a catalogued estimator: closed form for the Gaussian target in any dimension, otherwise
/// quadrature in one or two dimensions, enumeration for Bernoulli variables. Nothing where none applies, or where the estimator cannot
/// serve the model, family, objective or M. f = l - log q (elbo; see Entropy) or l (expectation), h = score; M-sample estimates are
/// averages of M.
///
/// family "mean_field_gaussian" (lambda = m, log s) and "full_rank_gaussian" (see FactorLayout), FR where the latter is served too:
///   sf_raw f h; sf_loo (M >= 2); sf_mean (f - b) h; sf_rb (f - a_p) h_p       FR by quadrature
///   pw_cfe, stl (elbo), mix c STL + (1 - c) CFE (elbo), pw_antithetic (M even)  FR
///   pw_kl  likelihood through z, KL to a Gaussian prior exact                   FR
///   taylor_hessian  g - [grad l(m) + H (z - m)] dz/dlambda plus its mean        FR   (model with Hessian-vector products, or Gaussian)
///   taylor_hvp      the same for the means; the factor: see TaylorScale          FR
///   pw_quadratic    quadratic_surrogate.hpp                                     FR
///   bonnet_price    grad l(z); (H(z) L)_ij dL_ij/dlambda                        FR   (model with Hessian-vector products, or Gaussian)
///   mvd             coupled measure-valued derivatives, measure_valued.hpp; FR on the Gaussian target, entropy in closed form
///   iwae, stl_iw, dreg  importance.hpp: one dimension, K <= 3, elbo
///   pw_rqmc, sf_rqmc, X_rqmc  randomised quasi-Monte Carlo of pw_cfe, sf_raw, X: FR as X; the mean, and for pw_rqmc the
///                   variance as scrambled_net.hpp has it; not for sf_loo and bounds, which combine samples, so that their mean is no
///                   longer that of independent ones
/// family "bernoulli" (lambda = logits): bernoulli.hpp, and X_rqmc.
std::optional<EstimatorTruth> truth(const std::string& estimator, const models::Model& model, const std::string& family,
                                    std::span<const double> lambda, estimators::Objective objective, Index samples,
                                    const Options& options = {});

/// Mean-field Gaussian.
std::optional<EstimatorTruth> truth(const std::string& estimator, const models::Model& model, std::span<const double> lambda,
                                    estimators::Objective objective, Index samples);

/// The same by quadrature only, whatever the model: the independent check of the closed forms.
std::optional<EstimatorTruth> quadrature_truth(const std::string& estimator, const models::Model& model, const std::string& family,
                                               std::span<const double> lambda, estimators::Objective objective, Index samples,
                                               const Options& options = {});
std::optional<EstimatorTruth> quadrature_truth(const std::string& estimator, const models::Model& model, std::span<const double> lambda,
                                               estimators::Objective objective, Index samples);

}  // namespace variscope::oracles
