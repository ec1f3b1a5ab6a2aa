/// Cholesky factors of correlation matrices: rows on the unit sphere, by hyperbolic tangents.
#pragma once

#include "engine/transforms/catalogue.hpp"
#include "engine/transforms/transform.hpp"

namespace variscope::transforms {

/// K x K lower triangular L, positive diagonal, every row of length 1, from K (K - 1) / 2 coordinates: row i = 1 .. K - 1 (from 0) has
/// u_i0 .. u_i,i-1, after each other. L_ij = tanh(u_ij) prod_(m < j) sech(u_im), L_ii = prod_(m < i) sech(u_im), row by row, zeros stored.
/// log |det J| = sum_ij (i + 1 - j) log sech(u_ij), of the entries below the diagonal. Products alone: nothing cancels; a product below
/// 1e-308 is 0. Cost O(K^2) per column.
/// Source: Lewandowski, Kurowicka, Joe 2009, J. Multivariate Anal. 100; Stan Reference Manual 2.32, "Cholesky factors of correlation
/// matrices", whose sqrt(1 - sum of squares) is the product of sech.
class CorrelationCholesky final : public Transform {
 public:
  /// Throws UserError if side < 2.
  explicit CorrelationCholesky(Index side);

  [[nodiscard]] Index size() const override { return side_ * (side_ - 1) / 2; }
  [[nodiscard]] Index values() const override { return side_ * side_; }
  void constrain(ConstBatchView unconstrained, Index first, BatchView constrained, Index value_first) const override;
  void add_log_jacobian(ConstBatchView unconstrained, Index first, BatchView out, bool value, bool gradient,
                        Index gradient_first) const override;
  /// What is given for the zeros above the diagonal and for L_00 is not looked at.
  void pull_back(ConstBatchView unconstrained, Index first, ConstBatchView value_gradient, Index value_first, BatchView out,
                 Index gradient_first) const override;
  /// A row's length may miss 1 by 1e-8; only its direction is looked at.
  [[nodiscard]] std::optional<std::string> unconstrain(std::span<const double> values, std::span<double> unconstrained) const override;

 private:
  Index side_;
};

Entry correlation_cholesky_entry();

}  // namespace variscope::transforms
