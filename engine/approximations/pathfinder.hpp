/// Pathfinder: the best of the normal approximations that L-BFGS passes on its way to the mode.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/approximations/density.hpp"
#include "engine/approximations/inverse_hessian.hpp"

namespace variscope::approximations {

struct PathfinderSettings {
  Index memory = 6;        ///< pairs of the inverse Hessian; that of the search is NLopt's own
  Index elbo_draws = 25;   ///< of each approximation's ELBO
  int most = 1000;         ///< evaluations of the search
  std::uint64_t seed = 0;  ///< of Purpose::fit_evaluation (ELBOs: major: the iterate) and posterior_draw
  std::uint32_t task = 0;  ///< repeat: a path of its own
};

/// N(mean, inverse Hessian) at one iterate of the path.
struct Pathfinder {
  std::vector<double> mean;
  std::optional<InverseHessian> covariance;
  double elbo = 0;        ///< of the chosen approximation, estimated
  double elbo_error = 0;  ///< its standard error
  Index iterate = 0;      ///< chosen, counted from 1
  Index iterates = 0;     ///< on the path
  Index evaluations = 0;  ///< gradient evaluations of the search; ELBOs took iterates x elbo_draws values more
  std::string trouble;    ///< why there is no approximation; empty: there is one

  /// theta (dim x count) becomes draws [first, first + count), log_q (count) their log densities under the approximation.
  void draw(const PathfinderSettings& settings, Index first, tiles::Batch& theta, std::vector<double>& log_q) const;
};

/// Zhang, Carpenter, Gelman, Vehtari 2022, JMLR 23(306), algorithms 1 to 4. Its path here: those points that NLopt's L-BFGS evaluated and
/// that improved upon all before them. At each, mean = theta + H gradient; the one with the largest ELBO estimate is kept. start: dim
/// entries. The draws are to be weighted by p / q (diagnostics/pareto.hpp).
Pathfinder pathfinder(const Density& density, std::vector<double> start, const PathfinderSettings& settings);

}  // namespace variscope::approximations
