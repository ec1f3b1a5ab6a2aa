/// Cholesky factors of covariance matrices: the lower triangle, its diagonal by the exponential.
#pragma once

#include "engine/transforms/catalogue.hpp"
#include "engine/transforms/transform.hpp"

namespace variscope::transforms {

/// K x K lower triangular L with positive diagonal from K (K + 1) / 2 coordinates, the lower triangle row by row: L_ij = u_ij below the
/// diagonal, L_ii = exp(u_ii). Values row by row, zeros stored. log |det J| = sum_i u_ii, of the lower triangle. Cost O(K^2) per column.
/// Source: Stan Reference Manual 2.32, "Cholesky factors of covariance matrices".
class CovarianceCholesky final : public Transform {
 public:
  /// Throws UserError if side < 1.
  explicit CovarianceCholesky(Index side);

  [[nodiscard]] Index size() const override { return side_ * (side_ + 1) / 2; }
  [[nodiscard]] Index values() const override { return side_ * side_; }
  void constrain(ConstBatchView unconstrained, Index first, BatchView constrained, Index value_first) const override;
  void add_log_jacobian(ConstBatchView unconstrained, Index first, BatchView out, bool value, bool gradient,
                        Index gradient_first) const override;
  /// What is given for the zeros above the diagonal is not looked at.
  void pull_back(ConstBatchView unconstrained, Index first, ConstBatchView value_gradient, Index value_first, BatchView out,
                 Index gradient_first) const override;
  [[nodiscard]] std::optional<std::string> unconstrain(std::span<const double> values, std::span<double> unconstrained) const override;

 private:
  Index side_;
};

Entry covariance_cholesky_entry();

}  // namespace variscope::transforms
