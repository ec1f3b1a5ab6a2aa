/// The interface of every transform: an unconstrained block of coordinates becomes a constrained parameter, for many columns at once.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/index.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::transforms {

using tiles::BatchView;
using tiles::ConstBatchView;

/// A smooth bijection from R^size() to the support of a parameter of values() numbers, of which some may be redundant (a simplex of K
/// numbers has size K - 1, a correlation Cholesky factor stores its zeros). Stateless: const calls share nothing.
/// All batches may be views of larger ones: coordinate j of the block is row `first + j` of the batch given. A column's result never
/// depends on its neighbours or its lane. Everything is finite for every |u| up to 700, and exact in the sense that round trips lose a
/// few units in the last place as far as the support's own spacing allows.
class Transform {
 public:
  Transform() = default;
  Transform(const Transform&) = delete;
  Transform& operator=(const Transform&) = delete;
  virtual ~Transform() = default;

  /// Unconstrained coordinates.
  [[nodiscard]] virtual Index size() const = 0;
  /// Constrained numbers, redundant ones included.
  [[nodiscard]] virtual Index values() const = 0;

  /// Rows [value_first, value_first + values()) of `constrained` become the parameter of each column of rows [first, first + size()).
  virtual void constrain(ConstBatchView unconstrained, Index first, BatchView constrained, Index value_first) const = 0;

  /// Adds log |det J| of each column into row 0 of `out` if `value`, and its gradient into rows gradient_first + j if `gradient`.
  /// J is of the non-redundant numbers, as Stan defines it (reference manual, "Constraint transforms").
  virtual void add_log_jacobian(ConstBatchView unconstrained, Index first, BatchView out, bool value, bool gradient,
                                Index gradient_first) const = 0;

  /// Chain rule: adds J^T g into rows [gradient_first, ... + size()) of `out`; g: rows [value_first, ...) of `value_gradient`.
  virtual void pull_back(ConstBatchView unconstrained, Index first, ConstBatchView value_gradient, Index value_first, BatchView out,
                         Index gradient_first) const = 0;

  /// The inverse, for one column: initial values given by a user. Returns what is wrong if the values are outside the support.
  [[nodiscard]] virtual std::optional<std::string> unconstrain(std::span<const double> values, std::span<double> unconstrained) const = 0;
};

}  // namespace variscope::transforms
