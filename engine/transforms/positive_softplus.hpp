/// Numbers above a bound by way of the softplus: x = lower + log(1 + exp(u)).
#pragma once

#include "engine/transforms/catalogue.hpp"
#include "engine/transforms/elementwise.hpp"

namespace variscope::transforms {

/// x = lower + log(1 + exp(u)), log dx/du = -log(1 + exp(-u)): grows like u, so that large numbers move by steps of their own size no more.
class SoftplusMap {
 public:
  /// Throws UserError unless lower is finite.
  explicit SoftplusMap(double lower = 0.0);

  [[nodiscard]] simd::Pack value(simd::Pack u) const { return lower_ + packs::softplus(u); }
  [[nodiscard]] static simd::Pack slope(simd::Pack u) { return packs::logistic(u); }
  [[nodiscard]] static simd::Pack log_slope(simd::Pack u) { return -packs::softplus(-u); }
  [[nodiscard]] static simd::Pack log_slope_gradient(simd::Pack u) { return packs::logistic(-u); }
  [[nodiscard]] bool inside(double x) const { return x > lower_; }
  /// log(exp(y) - 1) of y = x - lower, as y + log(1 - exp(-y)).
  [[nodiscard]] double inverse(double x) const { return (x - lower_) + std::log(-std::expm1(lower_ - x)); }
  [[nodiscard]] std::string support() const { return fmt::format("finite and above {}", lower_); }

 private:
  double lower_;
};

/// Source: Dugas, Bengio, Bélisle, Nadeau, Garcia 2001, NeurIPS 13, eq. 3.
using PositiveSoftplus = Elementwise<SoftplusMap>;

Entry positive_softplus_entry();

}  // namespace variscope::transforms
