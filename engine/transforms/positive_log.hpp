/// Numbers bounded on one side by way of the exponential: x = lower + exp(u), or x = upper - exp(u).
#pragma once

#include "engine/transforms/catalogue.hpp"
#include "engine/transforms/elementwise.hpp"

namespace variscope::transforms {

/// x = lower + exp(u), log |dx/du| = u. exp and slope stay as they are at |u| = 708 beyond; x rounds to `lower` where exp(u) is below half
/// its spacing.
class LowerLogMap {
 public:
  /// Throws UserError unless lower is finite.
  explicit LowerLogMap(double lower = 0.0);

  [[nodiscard]] simd::Pack value(simd::Pack u) const { return lower_ + packs::exp(u); }
  [[nodiscard]] static simd::Pack slope(simd::Pack u) { return packs::exp(u); }
  [[nodiscard]] static simd::Pack log_slope(simd::Pack u) { return u; }
  [[nodiscard]] static simd::Pack log_slope_gradient(simd::Pack) { return simd::broadcast(1.0); }
  [[nodiscard]] bool inside(double x) const { return x > lower_; }
  [[nodiscard]] double inverse(double x) const { return std::log(x - lower_); }
  [[nodiscard]] std::string support() const { return fmt::format("finite and above {}", lower_); }

 private:
  double lower_;
};

/// x = upper - exp(u), log |dx/du| = u. The rest as LowerLogMap.
class UpperLogMap {
 public:
  /// Throws UserError unless upper is finite.
  explicit UpperLogMap(double upper = 0.0);

  [[nodiscard]] simd::Pack value(simd::Pack u) const { return upper_ - packs::exp(u); }
  [[nodiscard]] static simd::Pack slope(simd::Pack u) { return -packs::exp(u); }
  [[nodiscard]] static simd::Pack log_slope(simd::Pack u) { return u; }
  [[nodiscard]] static simd::Pack log_slope_gradient(simd::Pack) { return simd::broadcast(1.0); }
  [[nodiscard]] bool inside(double x) const { return x < upper_; }
  [[nodiscard]] double inverse(double x) const { return std::log(upper_ - x); }
  [[nodiscard]] std::string support() const { return fmt::format("finite and below {}", upper_); }

 private:
  double upper_;
};

/// Source: Stan Reference Manual 2.32, "Lower bounded scalar", "Upper bounded scalar".
using PositiveLog = Elementwise<LowerLogMap>;
using UpperLog = Elementwise<UpperLogMap>;

Entry positive_log_entry();
Entry upper_log_entry();

}  // namespace variscope::transforms
