/// Positive numbers that sum to one, by stick breaking.
#pragma once

#include "engine/transforms/catalogue.hpp"
#include "engine/transforms/transform.hpp"

namespace variscope::transforms {

/// K numbers x_k > 0 of sum 1 from K - 1 coordinates: of the stick that is left, x_k takes the share z_k = logit^-1(u_k - log(K - k)),
/// k = 1 .. K - 1; x_K is the rest. u = 0 is the uniform simplex. log |det J| = sum_k log z_k + (K - k) log(1 - z_k), of x_1 .. x_(K-1).
/// Shares and rests are multiplied, never subtracted, so that small numbers keep their relative accuracy; a product below 1e-308 is 0.
/// Cost O(K) per column.
/// Source: Betancourt 2012, AIP Conf. Proc. 1443; Stan Reference Manual 2.32, "Unit simplex".
class Simplex final : public Transform {
 public:
  /// Throws UserError if values < 2.
  explicit Simplex(Index values);

  [[nodiscard]] Index size() const override { return values_ - 1; }
  [[nodiscard]] Index values() const override { return values_; }
  void constrain(ConstBatchView unconstrained, Index first, BatchView constrained, Index value_first) const override;
  void add_log_jacobian(ConstBatchView unconstrained, Index first, BatchView out, bool value, bool gradient,
                        Index gradient_first) const override;
  void pull_back(ConstBatchView unconstrained, Index first, ConstBatchView value_gradient, Index value_first, BatchView out,
                 Index gradient_first) const override;
  /// The sum may miss 1 by 1e-8; values are then taken as proportions.
  [[nodiscard]] std::optional<std::string> unconstrain(std::span<const double> values, std::span<double> unconstrained) const override;

 private:
  Index values_;
  std::vector<double> shift_;  ///< log(K - k)
};

Entry simplex_entry();

}  // namespace variscope::transforms
