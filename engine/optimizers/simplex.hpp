/// Derivative-free minimisation in few dimensions: the downhill simplex, through NLopt.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace variscope::optimizers {

struct SimplexMinimum {
  std::vector<double> at;
  double value = 0;
  int evaluations = 0;
  bool converged = false;  ///< before the evaluations were used up
};

/// Nelder and Mead 1965, Comput. J. 7 (NLopt's LN_NELDERMEAD with Box's treatment of bounds, of which there are none), started anew from
/// where it ended until that gains nothing: a simplex may collapse before the minimum. Not a number counts as infinite. first_steps: edges
/// of the first simplex, one per coordinate. Ends at relative changes below 1e-10 of the coordinates, or after `most` evaluations.
/// Deterministic: the same bits of the function give the same bits.
SimplexMinimum minimise_by_simplex(const std::function<double(std::span<const double>)>& function, std::vector<double> start,
                                   std::vector<double> first_steps, int most);

}  // namespace variscope::optimizers
