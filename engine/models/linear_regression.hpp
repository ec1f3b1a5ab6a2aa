/// Bayesian linear regression with known noise: y_n ~ N(x_n'z, noise_sd^2), independent normal prior.
#pragma once

#include <vector>

#include "engine/data/table.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/linear_model.hpp"

namespace variscope::models {

/// dim = columns of the table (the intercept is one of them). Conjugate: posterior, evidence and every estimator's variance are closed
/// forms. Log likelihood of a row, normalised: -1/2 ((y - x'z) / noise_sd)^2 - log noise_sd - 1/2 log 2 pi.
class LinearRegression : public LinearModel {
 public:
  /// The table must outlive the model. Throws UserError unless noise_sd and prior_sd are positive and all are finite.
  LinearRegression(const data::Table& table, double noise_sd, double prior_mean, double prior_sd);

  void log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const override;
  void local_gradient(const RowList& rows, const double* mean, const double* scale, Evaluation& out) const override;
  void local_gradient_under(const RowList& rows, const double* mean, const double* covariance, Evaluation& out) const override;

  [[nodiscard]] double noise_sd() const { return noise_sd_; }

 private:
  /// E f = -1/2 ((y - center)^2 + variance) / noise_sd^2 - log noise_sd - 1/2 log 2 pi.
  [[nodiscard]] RowExpectation expected_row(const Projection& eta, double response) const override;
  [[nodiscard]] double row_value(double eta, double response) const override;
  [[nodiscard]] double mean_response(double eta) const override { return eta; }
  [[nodiscard]] double draw_response(double eta, const random::Stream& own) const override {
    return eta + noise_sd_ * random::normal(own, 0);
  }

  double noise_sd_;
};

Entry linear_regression_entry();

}  // namespace variscope::models
