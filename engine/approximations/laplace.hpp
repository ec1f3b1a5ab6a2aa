/// Laplace's approximation: the normal distribution of the mode and the curvature there.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/approximations/density.hpp"
#include "engine/dense.hpp"

namespace variscope::approximations {

struct Laplace {
  optimizers::Maximum mode;  ///< lambda: the mode (maximum a posteriori in theta's space), dim entries
  dense::Matrix precision;   ///< minus the Hessian there, symmetrised
  dense::Matrix covariance;  ///< its inverse
  double log_evidence = 0;   ///< log p(mode) + dim/2 log 2 pi - 1/2 log |precision|: an estimate of log of the integral of p
  std::string trouble;       ///< why there is no covariance (no maximum, flat directions); empty: there is one
  /// Of the family full_rank_gaussian: mean, log diagonal of the covariance's Cholesky factor, what lies below it.
  [[nodiscard]] std::vector<double> full_rank_lambda() const;
};

/// Minus the Hessian at theta (dim entries): by Hessian-vector products where the density has them (one batch of dim columns), by central
/// differences of the gradient otherwise (2 dim columns, steps of cbrt(epsilon) max(1, |theta_d|)). Symmetrised.
dense::Matrix negative_hessian(const Density& density, std::span<const double> theta);

/// The mode is sought by L-BFGS from `start` within `most` evaluations. Exact for a normal target, evidence included.
/// Source: Tierney and Kadane 1986, JASA 81(393); MacKay 2003, chapter 27.
Laplace laplace(const Density& density, std::vector<double> start, int most = 2000);

/// lambda of full_rank_gaussian with this mean and covariance (positive definite, else std::invalid_argument).
std::vector<double> full_rank_lambda(std::span<const double> mean, const dense::Matrix& covariance);

}  // namespace variscope::approximations
