/// The horseshoe's ridge: a normal observation explains only the product of a coefficient's direction and its half-Cauchy scale.
#pragma once

#include <vector>

#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// Independent pairs (non-centred): z_i ~ N(0, 1), lambda_i ~ half-Cauchy(0, 1), y_i ~ N(lambda_i z_i, 1). Coordinates z_1 .. z_n,
/// log lambda_1 .. log lambda_n; variables z, lambda and the derived beta = lambda z. The density runs along the ridge lambda z = y, and
/// every constant is in: its integral is the marginal likelihood prod m(y_i),
/// m(y) = (2 pi^3)^(-1/2) 2 int_0^1 exp(-(1 - t^2) y^2 / 2) dt.
/// Beyond |log lambda| = 300 the likelihood keeps the lambda of that bound (and the gradient is that of this), so that all is finite.
/// Cost O(n) per column.
/// Source: Carvalho, Polson, Scott 2010, Biometrika 97(2), sections 1 and 2.2 (t^2 = 1 - kappa).
class HorseshoeRidge final : public Model {
 public:
  /// Throws UserError unless there is a y and all are finite, |y| <= 100.
  explicit HorseshoeRidge(const std::vector<double>& y);

  [[nodiscard]] Index dim() const override { return 2 * pairs(); }
  [[nodiscard]] std::vector<std::string> parameter_names() const override;
  [[nodiscard]] std::vector<Variable> variables() const override { return {{"z", {pairs()}}, {"lambda", {pairs()}}, {"beta", {pairs()}}}; }
  void constrain(ConstBatchView theta, BatchView out) const override;
  void unconstrain(std::span<const double> values, std::span<double> theta) const override;
  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  [[nodiscard]] bool has_hessian_vector() const override { return true; }
  [[nodiscard]] bool has_prior_simulation() const override { return true; }
  /// A draw from the normalised density (the posterior given y): t by rejection, at least 0.4 of the proposals taken; z given lambda
  /// normal.
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override;

  [[nodiscard]] const std::vector<double>& y() const { return y_; }

 private:
  [[nodiscard]] Index pairs() const { return static_cast<Index>(y_.size()); }

  std::vector<double> y_;
};

Entry horseshoe_ridge_entry();

}  // namespace variscope::models
