/// Posterior moments by quadrature over all coordinates, in few dimensions: what approximations are held against.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/approximations/density.hpp"

namespace variscope::approximations {

/// Most coordinates that are integrated over.
inline constexpr Index kMostGridDim = 3;

struct GridMoments {
  std::vector<double> mean;         ///< [variable]
  std::vector<double> sd;           ///< [variable]
  std::vector<double> mean_error;   ///< [variable] what the last halving of the spacing and the last widening changed
  std::vector<double> sd_error;     ///< [variable]
  std::vector<double> correlation;  ///< [pair (0, 1), (0, 2), ..., (1, 2), ...] of variables
  double log_evidence = 0;          ///< log of the integral of exp(log p)
  double evidence_error = 0;
  Index points = 0;     ///< of the last grid
  std::string trouble;  ///< why they cannot be relied on; empty: they can
};

/// Moments of constrain(theta) under exp(log p), theta = mode + H^(-1/2) sinh(t) by coordinate, H minus the Hessian at the mode (1 where
/// it is not positive definite), by the trapezoidal rule in t: for smooth densities its error falls faster than any power of the spacing
/// (Trefethen and Weideman 2014, SIAM Review 56(3)), and sinh reaches tails that are powers. The range is widened, then the spacing halved,
/// until moments change by less than 1e-8 sd, or a grid would have more than 2^22 points. density.dim <= kMostGridDim, else
/// std::invalid_argument. variables: number of rows that constrain fills. The mode is sought from `start`. Sums run in the grid's order.
GridMoments grid_moments(const Density& density, const std::function<void(ConstBatchView theta, BatchView out)>& constrain, Index variables,
                         std::vector<double> start);

}  // namespace variscope::approximations
