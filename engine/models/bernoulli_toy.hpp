/// The toy objective of discrete gradient estimators: f(z) = sum_d (z_d - p0)^2, meant for Bernoulli z.
#pragma once

#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// Takes the place of the log density, for the objective E_q[f] without entropy; f is defined, and differentiable, on all of R^dim.
/// Source: Tucker, Mnih, Maddison, Lawson, Sohl-Dickstein 2017 (REBAR), section 4.1; Grathwohl et al. 2018 (RELAX), section 5.1, p0 =
/// 0.499.
class BernoulliToy final : public Model {
 public:
  /// Throws UserError unless dim is a whole number of at least 1 and p0 is finite.
  BernoulliToy(double dim, double p0);

  [[nodiscard]] Index dim() const override { return dim_; }
  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  [[nodiscard]] bool has_hessian_vector() const override { return true; }

  [[nodiscard]] bool has_gaussian_expectation() const override { return true; }
  /// sum (m_d - p0)^2 + s_d^2.
  void expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const override;
  [[nodiscard]] bool has_covariance_expectation() const override { return true; }
  void expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const override;

 private:
  Index dim_;
  double p0_;
};

Entry bernoulli_toy_entry();

}  // namespace variscope::models
