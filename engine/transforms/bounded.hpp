/// Numbers between two bounds by way of the logistic function: x = lower + (upper - lower) / (1 + exp(-u)).
#pragma once

#include "engine/transforms/catalogue.hpp"
#include "engine/transforms/elementwise.hpp"

namespace variscope::transforms {

/// Either half is measured from its own bound, so that x is exact near both. x rounds to a bound where it comes closer than half the
/// bound's spacing. log |dx/du| = log(upper - lower) - |u| - 2 log(1 + exp(-|u|)).
class LogitMap {
 public:
  /// Throws UserError unless both are finite, lower < upper and upper - lower is finite.
  explicit LogitMap(double lower = 0.0, double upper = 1.0);

  [[nodiscard]] simd::Pack value(simd::Pack u) const {
    const simd::Pack distance = width_ * packs::logistic(-simd::abs(u));
    return u < 0.0 ? lower_ + distance : upper_ - distance;
  }
  [[nodiscard]] simd::Pack slope(simd::Pack u) const { return width_ * packs::logistic(u) * packs::logistic(-u); }
  [[nodiscard]] simd::Pack log_slope(simd::Pack u) const {
    return log_width_ - (simd::abs(u) + 2.0 * simd::log1p_nonnegative(simd::exp_nonpositive(-simd::abs(u))));
  }
  [[nodiscard]] static simd::Pack log_slope_gradient(simd::Pack u) { return -packs::tanh(0.5 * u); }
  [[nodiscard]] bool inside(double x) const { return x > lower_ && x < upper_; }
  [[nodiscard]] double inverse(double x) const { return std::log(x - lower_) - std::log(upper_ - x); }
  [[nodiscard]] std::string support() const { return fmt::format("between {} and {}", lower_, upper_); }

 private:
  double lower_;
  double upper_;
  double width_;
  double log_width_;
};

/// Source: Stan Reference Manual 2.32, "Lower and upper bounded scalar".
using Bounded = Elementwise<LogitMap>;

Entry bounded_entry();

}  // namespace variscope::transforms
