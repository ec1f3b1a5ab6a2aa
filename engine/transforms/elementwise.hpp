/// A transform that maps each coordinate by itself, from the scalar map's few functions.
#pragma once

#include <cmath>
#include <optional>
#include <span>
#include <string>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/transforms/packs.hpp"
#include "engine/transforms/transform.hpp"

namespace variscope::transforms {

/// What is wrong with the number of values given, if anything.
inline std::optional<std::string> wrong_count(std::size_t given, Index wanted) {
  if (static_cast<Index>(given) == wanted) return std::nullopt;
  return fmt::format("{} numbers given (it must have {})", given, wanted);
}

/// `size` numbers, each mapped alone; |J| is the product of the slopes. Cost O(size) per column.
/// Map, all const: value, slope, log_slope, log_slope_gradient of a pack of coordinates (slope: d value / d u, its sign included; log_slope
/// of its absolute value); inside(x), inverse(x) of one number; support() in words ("above 0").
template <class Map>
class Elementwise final : public Transform {
 public:
  /// Throws UserError if size < 1. The map checks its own bounds.
  explicit Elementwise(Index size, Map map = Map()) : size_(size), map_(map) {
    if (size < 1) throw UserError(fmt::format("size: {} (a transform has at least one number). Give 1 or more.", size));
  }

  [[nodiscard]] Index size() const override { return size_; }
  [[nodiscard]] Index values() const override { return size_; }

  void constrain(ConstBatchView unconstrained, Index first, BatchView constrained, Index value_first) const override {
    packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
      const auto u = packs::rows(unconstrained, block, lane, first);
      const auto x = packs::rows(constrained, block, lane, value_first);
      for (Index j = 0; j < size_; ++j) x.set(j, map_.value(u[j]));
    });
  }

  void add_log_jacobian(ConstBatchView unconstrained, Index first, BatchView out, bool value, bool gradient,
                        Index gradient_first) const override {
    packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
      const auto u = packs::rows(unconstrained, block, lane, first);
      if (value) {
        simd::Pack sum{};
        for (Index j = 0; j < size_; ++j) sum += map_.log_slope(u[j]);
        packs::rows(out, block, lane, 0).add(0, sum);
      }
      if (!gradient) return;
      const auto by_u = packs::rows(out, block, lane, gradient_first);
      for (Index j = 0; j < size_; ++j) by_u.add(j, map_.log_slope_gradient(u[j]));
    });
  }

  void pull_back(ConstBatchView unconstrained, Index first, ConstBatchView value_gradient, Index value_first, BatchView out,
                 Index gradient_first) const override {
    packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
      const auto u = packs::rows(unconstrained, block, lane, first);
      const auto g = packs::rows(value_gradient, block, lane, value_first);
      const auto by_u = packs::rows(out, block, lane, gradient_first);
      for (Index j = 0; j < size_; ++j) by_u.add(j, map_.slope(u[j]) * g[j]);
    });
  }

  [[nodiscard]] std::optional<std::string> unconstrain(std::span<const double> values, std::span<double> unconstrained) const override {
    if (auto wrong = wrong_count(values.size(), size_)) return wrong;
    for (std::size_t j = 0; j < values.size(); ++j) {
      if (!std::isfinite(values[j]) || !map_.inside(values[j]))
        return fmt::format("number {} is {} (it must be {})", j + 1, values[j], map_.support());
      unconstrained[j] = map_.inverse(values[j]);
    }
    return std::nullopt;
  }

 private:
  Index size_;
  Map map_;
};

}  // namespace variscope::transforms
