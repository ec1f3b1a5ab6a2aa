/// The banana log p(x, y) = -1/2 (x^2 / scale^2 + (y - curvature x^2)^2), unnormalised; log Z = log(2 pi scale).
#pragma once

#include <string>
#include <vector>

#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// A Gaussian bent along a parabola: E[x] = 0, E[y] = curvature scale^2, both exactly.
class Banana final : public Model {
 public:
  /// Throws UserError unless scale > 0 and both are finite.
  Banana(double scale, double curvature);

  [[nodiscard]] Index dim() const override { return 2; }
  [[nodiscard]] std::vector<std::string> parameter_names() const override { return {"x", "y"}; }
  void log_prior(ConstBatchView theta, Evaluation& out) const override;

  [[nodiscard]] bool has_hessian_vector() const override { return true; }

  [[nodiscard]] bool has_prior_simulation() const override { return true; }
  /// A draw from the normalised density: x normal, y normal about the parabola.
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override;

  [[nodiscard]] bool has_gaussian_expectation() const override { return true; }
  /// From the moments of x up to the fourth.
  void expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const override;
  [[nodiscard]] bool has_covariance_expectation() const override { return true; }
  void expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const override;

  [[nodiscard]] double scale() const { return scale_; }
  [[nodiscard]] double curvature() const { return curvature_; }

 private:
  double scale_;
  double inverse_square_;  ///< 1 / scale^2
  double curvature_;
};

Entry banana_entry();

}  // namespace variscope::models
