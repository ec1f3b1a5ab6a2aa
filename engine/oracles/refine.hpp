/// Halving the step of a rule until two grids agree: the numerical error that every oracle states.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace variscope::oracles {

/// on_grid(step) gives a result with a member `error`; flat(result) the numbers that must agree. From `coarsest` on, the step is halved
/// until two grids agree to 1e-12 of the largest number or the step is `finest`. error = difference of the two finest grids plus rounding.
template <class OnGrid, class Flat>
auto refine(double coarsest, double finest, OnGrid&& on_grid, Flat&& flat) {
  auto coarse = on_grid(coarsest);
  for (double step = 0.5 * coarsest;; step *= 0.5) {
    auto fine = on_grid(step);
    const std::vector<double> a = flat(coarse);
    const std::vector<double> b = flat(fine);
    double difference = 0;
    double size = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
      const double gap = std::abs(a[i] - b[i]);
      difference = std::isfinite(gap) ? std::max(difference, gap) : std::numeric_limits<double>::infinity();
      size = std::max(size, std::abs(b[i]));
    }
    // Rounding: hundreds of terms of either sign, a few dozen epsilon of the largest entry in practice.
    fine.error = difference + 500.0 * std::numeric_limits<double>::epsilon() * size;
    if (difference <= 1e-12 * size || step <= finest) return fine;
    coarse = std::move(fine);
  }
}

}  // namespace variscope::oracles
