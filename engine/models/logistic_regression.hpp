/// Bayesian logistic regression: y in {0, 1}, P(y = 1 | x, z) = 1 / (1 + exp(-x'z)), independent normal prior.
#pragma once

#include "engine/data/table.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/linear_model.hpp"

namespace variscope::models {

/// dim = columns of the table (the intercept is one of them). Log likelihood of a row: log sigmoid((2 y - 1) x'z), safe for any finite x'z.
/// Cost per row and column: 2 dim flops and one exp for the value, 4 dim flops, one exp and one division with the gradient.
class LogisticRegression final : public LinearModel {
 public:
  /// The table must outlive the model; its response holds 0 and 1. Throws UserError unless prior_sd is positive and both are finite.
  LogisticRegression(const data::Table& table, double prior_mean, double prior_sd);

  void log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const override;
  void local_gradient(const RowList& rows, const double* mean, const double* scale, Evaluation& out) const override;
  void local_gradient_under(const RowList& rows, const double* mean, const double* covariance, Evaluation& out) const override;

 private:
  /// One-dimensional quadrature: logistic_smooth.hpp.
  [[nodiscard]] RowExpectation expected_row(const Projection& eta, double response) const override;
  [[nodiscard]] double row_value(double eta, double response) const override;
  [[nodiscard]] double mean_response(double eta) const override;
  [[nodiscard]] double draw_response(double eta, const random::Stream& own) const override;
};

Entry logistic_regression_entry();

}  // namespace variscope::models
