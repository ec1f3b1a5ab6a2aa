/// No constraint: x = u.
#pragma once

#include "engine/transforms/catalogue.hpp"
#include "engine/transforms/elementwise.hpp"

namespace variscope::transforms {

/// x = u, |J| = 1.
struct IdentityMap {
  [[nodiscard]] static simd::Pack value(simd::Pack u) { return u; }
  [[nodiscard]] static simd::Pack slope(simd::Pack) { return simd::broadcast(1.0); }
  [[nodiscard]] static simd::Pack log_slope(simd::Pack) { return simd::Pack{}; }
  [[nodiscard]] static simd::Pack log_slope_gradient(simd::Pack) { return simd::Pack{}; }
  [[nodiscard]] static bool inside(double) { return true; }
  [[nodiscard]] static double inverse(double x) { return x; }
  [[nodiscard]] static std::string support() { return "finite"; }
};

using Identity = Elementwise<IdentityMap>;

Entry identity_entry();

}  // namespace variscope::transforms
