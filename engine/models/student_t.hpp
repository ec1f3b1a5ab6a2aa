/// Independent Student t variables of one location, scale and number of degrees of freedom.
#pragma once

#include "engine/models/catalogue.hpp"
#include "engine/models/separable.hpp"

namespace variscope::models {

/// log p(x) = -log B(nu/2, 1/2) - log(nu)/2 - log s - (nu+1)/2 log(1 + t^2 / nu), t = (x - m) / s: normalised.
/// Mean m if nu > 1; variance s^2 nu / (nu - 2) if nu > 2.
class StudentTDensity {
 public:
  /// Throws UserError unless scale > 0 and nu > 0, and all are finite.
  StudentTDensity(double location, double scale, double nu);

  [[nodiscard]] simd::Pack value(simd::Pack x) const {
    const simd::Pack t = (x - location_) * inverse_scale_;
    return constant_ - 0.5 * (nu_ + 1.0) * simd::log1p_nonnegative(t * t / nu_);
  }
  [[nodiscard]] simd::Pack gradient(simd::Pack x) const {
    const simd::Pack t = (x - location_) * inverse_scale_;
    return -(nu_ + 1.0) * inverse_scale_ * t / (nu_ + t * t);
  }
  [[nodiscard]] simd::Pack curvature(simd::Pack x) const {
    const simd::Pack t = (x - location_) * inverse_scale_;
    const simd::Pack w = 1.0 / (nu_ + t * t);
    return (nu_ + 1.0) * inverse_scale_ * inverse_scale_ * w * ((t * t - nu_) * w);
  }
  [[nodiscard]] static bool has_draws() { return true; }
  /// By the quantile function.
  [[nodiscard]] double draw(const random::Stream& stream, std::uint32_t lane) const;

  [[nodiscard]] double location() const { return location_; }
  [[nodiscard]] double scale() const { return 1.0 / inverse_scale_; }
  [[nodiscard]] double nu() const { return nu_; }

 private:
  double location_;
  double inverse_scale_;
  double nu_;
  double constant_;
};

class StudentT final : public Separable<StudentTDensity> {
 public:
  StudentT(Index dim, double location, double scale, double nu) : Separable(dim, "x", {location, scale, nu}) {}
};

Entry student_t_entry();

}  // namespace variscope::models
