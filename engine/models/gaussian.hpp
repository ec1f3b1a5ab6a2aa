/// The dense Gaussian target log p(z) = -1/2 (z - a)^T H (z - a), unnormalised: every estimator's variance on it is known in closed form.
#pragma once

#include <string>
#include <vector>

#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// Precision H (dim x dim, symmetric positive definite) and mean a.
/// Value 1/2 dim^2, gradient and Hessian-vector product dim^2 multiply-adds each per column; a column is one sequential chain of fma over
/// the coordinates.
class Gaussian final : public Model {
 public:
  /// precision: dim x dim, row by row; mean: dim entries, or one for all coordinates.
  /// Throws UserError unless precision is square, symmetric (to 1e-10 of its diagonal; the average is used) and positive definite.
  Gaussian(const std::vector<double>& precision, const std::vector<double>& mean);

  [[nodiscard]] Index dim() const override { return dim_; }
  void log_prior(ConstBatchView theta, Evaluation& out) const override;

  [[nodiscard]] bool has_hessian_vector() const override { return true; }

  [[nodiscard]] bool has_prior_simulation() const override { return true; }
  /// A draw from the normalised density: a + L^-T eps with H = L L^T. Cost O(dim^2).
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override;

  [[nodiscard]] bool has_gaussian_expectation() const override { return true; }
  /// E_q = -1/2 (m-a)^T H (m-a) - 1/2 sum H_ii s_i^2. Cost O(dim^2).
  void expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const override;
  [[nodiscard]] bool has_covariance_expectation() const override { return true; }
  /// E_q = -1/2 (m-a)^T H (m-a) - 1/2 tr(H covariance).
  void expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const override;

  /// H, row by row.
  [[nodiscard]] const std::vector<double>& precision() const { return precision_; }
  /// L with H = L L^T, dim x dim row by row; what lies above the diagonal is not its.
  [[nodiscard]] const std::vector<double>& factor() const { return factor_; }
  /// a.
  [[nodiscard]] const std::vector<double>& mean() const { return mean_; }

 private:
  Index dim_ = 0;
  std::vector<double> precision_;
  std::vector<double> mean_;
  std::vector<double> factor_;  ///< L, row by row; the upper triangle holds H's
  std::vector<double> panels_;  ///< H in panels of 8, 4, 2, 1 rows, column by column: rows i.. of width R begin at i * dim
};

Entry gaussian_entry();

}  // namespace variscope::models
