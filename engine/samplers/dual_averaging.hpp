/// Dual averaging of a log step size toward a target acceptance, with Stan's constants.
#pragma once

#include <span>

#include "engine/index.hpp"

namespace variscope::samplers {

/// Hoffman and Gelman 2014, JMLR 15, eq. 6 and section 3.2.1: gamma = 0.05, t0 = 10, kappa = 0.75, mu = log(10 epsilon).
/// A view of kSize numbers of a chain's state.
class DualAveraging {
 public:
  static constexpr Index kSize = 5;
  explicit DualAveraging(double* state) : state_(state) {}

  /// The step size in use.
  [[nodiscard]] double step_size() const { return state_[0]; }
  /// Forgets everything; step sizes are from then on pulled toward 10 step_size.
  void restart(double step_size);
  /// acceptance is clipped to [0, 1]; NaN counts as 0.
  void learn(double acceptance, double target);
  /// The averaged step size becomes the one in use: at the end of warm-up. Nothing happens if nothing was learned since the restart.
  void finish();

 private:
  double* state_;  ///< step size, mu, count, mean error, mean log step size
};

}  // namespace variscope::samplers
