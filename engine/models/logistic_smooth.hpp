/// Expectations of softplus, sigmoid and its slope under a normal linear predictor, to rounding, by the trapezoidal rule.
#pragma once

namespace variscope::models::logistic {

/// E f(eta) for eta ~ N(center, sd^2), with a bound on the numerical error of each.
struct Smoothed {
  double softplus = 0;
  double sigmoid = 0;
  double slope = 0;  ///< E sigmoid'(eta)
  double softplus_error = 0;
  double sigmoid_error = 0;
  double slope_error = 0;
};

/// The trapezoidal rule for an integrand analytic in a strip |Im x| < a errs by about exp(-2 pi a / h) (Trefethen and Weideman
/// 2014, SIAM Review 56(3), theorem 5.1): sigmoid has its poles at a = pi / sd, the normal weight adds exp(-2 pi^2 / h^2).
/// The step is chosen so that even the doubled step is below rounding, and the error reported is the difference of the two.
/// Cost: about 70 max(1, sd) exponentials. sd >= 0.
Smoothed smooth(double center, double sd);

}  // namespace variscope::models::logistic
