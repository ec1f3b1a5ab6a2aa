/// What models with a linear predictor share: a table, an independent normal prior, and exact expectations row by row.
#pragma once

#include <string>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/models/linear_kernels.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// A row's predictor eta = x_n'z under a Gaussian q.
struct Projection {
  double center = 0;
  double variance = 0;
  double size = 0;  ///< sum of |x_nd m_d|: rounding of the centre is a few epsilon of it
};

/// E f, E f', E f'' of one row's log likelihood f(eta) under a normal eta, with a bound on the numerical error of each.
struct RowExpectation {
  double value = 0;
  double first = 0;
  double second = 0;
  double value_error = 0;
  double first_error = 0;
  double second_error = 0;
};

/// Rows see z through x_n'z alone; dim = columns of the table (the intercept is one of them); normal prior on every coefficient.
class LinearModel : public Model {
 public:
  [[nodiscard]] Index dim() const override { return table_.width(); }
  [[nodiscard]] Index rows() const override { return table_.rows; }
  [[nodiscard]] std::vector<std::string> parameter_names() const override { return table_.columns; }
  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  [[nodiscard]] bool has_hessian_vector() const override { return true; }
  [[nodiscard]] bool has_local_gradient() const override { return true; }
  [[nodiscard]] const GaussianPrior* gaussian_prior() const override { return &prior_; }

  [[nodiscard]] bool has_gaussian_expectation() const override { return true; }
  void expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const override;
  /// x'z is normal under q, so every row is a one-dimensional integral; Bonnet's and Price's theorems give the gradient
  /// (Opper and Archambeau 2009, Neural Computation 21(3), eqs. 5-6).
  void expected_log_likelihood(Range rows, const double* mean, const double* scale, GaussianExpectation& out) const override;
  [[nodiscard]] bool has_covariance_expectation() const override { return true; }
  void expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const override;
  void expected_log_likelihood_under(Range rows, const double* mean, const double* covariance, GaussianExpectation& out) const override;

  [[nodiscard]] bool has_prior_simulation() const override { return true; }
  /// Coordinate j takes number j of the stream.
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override;
  [[nodiscard]] bool has_response_simulation() const override { return true; }
  void simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                          std::span<double> responses) const override;
  [[nodiscard]] bool has_row_log_likelihood() const override { return true; }
  /// Cost per row and column: 2 dim flops and the likelihood's functions.
  void row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const override;
  void row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const override;

 protected:
  /// The table must outlive the model. response: one number per held row, as the likelihood wants it.
  /// Throws UserError unless prior_mean is finite and prior_sd positive and finite.
  LinearModel(const data::Table& table, double prior_mean, double prior_sd, std::vector<double> response);

  [[nodiscard]] virtual RowExpectation expected_row(const Projection& eta, double response) const = 0;
  /// Of one row whose predictor is eta: log likelihood of its response, normalised; mean of the response; a draw from number 0 of its
  /// stream.
  [[nodiscard]] virtual double row_value(double eta, double response) const = 0;
  [[nodiscard]] virtual double mean_response(double eta) const = 0;
  [[nodiscard]] virtual double draw_response(double eta, const random::Stream& own) const = 0;

  [[nodiscard]] linear::Rows data() const { return {table_, response_.data()}; }

 private:
  /// out(k, s) = value(x_n'theta_s, held row) of row n = rows[k].
  template <class Value>
  void for_predictors(const RowList& rows, ConstBatchView theta, BatchView out, const Value& value) const;

  const data::Table& table_;
  GaussianPrior prior_;
  std::vector<double> response_;
};

}  // namespace variscope::models
