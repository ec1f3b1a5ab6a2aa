/// Increasing vectors: differences are exponentials.
#pragma once

#include "engine/transforms/catalogue.hpp"
#include "engine/transforms/transform.hpp"

namespace variscope::transforms {

/// x_1 = u_1 (any number) or exp(u_1) (positive), x_k = x_(k-1) + exp(u_k). log |det J| is the sum of the u whose exponential is taken.
/// Neighbours are equal where exp(u_k) is below half the spacing of x_(k-1). Cost O(size) per column.
/// Source: Stan Reference Manual 2.32, "Ordered vector", "Positive ordered vector".
class Ordered final : public Transform {
 public:
  enum class First { any, positive };

  /// Throws UserError if size < 1.
  explicit Ordered(Index size, First first = First::any);

  [[nodiscard]] Index size() const override { return size_; }
  [[nodiscard]] Index values() const override { return size_; }
  void constrain(ConstBatchView unconstrained, Index first, BatchView constrained, Index value_first) const override;
  void add_log_jacobian(ConstBatchView unconstrained, Index first, BatchView out, bool value, bool gradient,
                        Index gradient_first) const override;
  void pull_back(ConstBatchView unconstrained, Index first, ConstBatchView value_gradient, Index value_first, BatchView out,
                 Index gradient_first) const override;
  [[nodiscard]] std::optional<std::string> unconstrain(std::span<const double> values, std::span<double> unconstrained) const override;

 private:
  Index size_;
  Index linear_;  ///< coordinates that are taken as they are: 1 or 0
};

Entry ordered_entry();
Entry positive_ordered_entry();

}  // namespace variscope::transforms
