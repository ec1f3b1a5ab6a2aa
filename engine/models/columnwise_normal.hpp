/// Columns of a table as independent normals, each with unknown mean and standard deviation.
#pragma once

#include <string>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// x_nj ~ N(mean_j, sd_j^2); mean_j flat, sd_j half-normal(prior_sd). theta = (mean_1..C, log sd_1..C), dim 2 C; the table has no response.
/// Rows enter through their number, mean and sum of squares about the mean, taken once per call for all columns of theta: cost
/// O(|rows| C + C columns), one pass through memory. A column of data whose mean is k of its sds from 0 loses log10 k digits of the
/// gradient in its mean. Beyond sd = exp(-150) the precision continues by its tangent (log_scale.hpp).
class ColumnwiseNormal final : public Model {
 public:
  /// The table must outlive the model. Throws UserError if prior_sd is not positive and finite, or a column is the intercept.
  ColumnwiseNormal(const data::Table& table, double prior_sd);

  [[nodiscard]] Index dim() const override { return 2 * table_.width(); }
  [[nodiscard]] Index rows() const override { return table_.rows; }
  /// "mean[a]", ..., "log_sd[a]", ... with the columns' names.
  [[nodiscard]] std::vector<std::string> parameter_names() const override;
  /// mean and sd, one entry per column of the table each.
  [[nodiscard]] std::vector<Variable> variables() const override;
  void constrain(ConstBatchView theta, BatchView out) const override;
  void unconstrain(std::span<const double> values, std::span<double> theta) const override;

  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  void log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const override;
  [[nodiscard]] bool has_hessian_vector() const override { return true; }

  /// exp(-2 log sd) is lognormal under a Gaussian q and tilts a correlated mean by -2 cov(mean, log sd): all closed form.
  [[nodiscard]] bool has_gaussian_expectation() const override { return true; }
  void expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const override;
  void expected_log_likelihood(Range rows, const double* mean, const double* scale, GaussianExpectation& out) const override;
  [[nodiscard]] bool has_covariance_expectation() const override { return true; }
  void expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const override;
  void expected_log_likelihood_under(Range rows, const double* mean, const double* covariance, GaussianExpectation& out) const override;

 private:
  const data::Table& table_;
  double prior_sd_;
};

Entry columnwise_normal_entry();

}  // namespace variscope::models
