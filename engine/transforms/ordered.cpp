/// Ordered vectors: running sums of exponentials, and sums from the far end to pull gradients back.
#include "engine/transforms/ordered.hpp"

#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/transforms/elementwise.hpp"
#include "engine/transforms/packs.hpp"

namespace variscope::transforms {

Ordered::Ordered(Index size, First first) : size_(size), linear_(first == First::any ? 1 : 0) {
  if (size < 1) throw UserError(fmt::format("size: {} (a vector has at least one number). Give 1 or more.", size));
}

void Ordered::constrain(ConstBatchView unconstrained, Index first, BatchView constrained, Index value_first) const {
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const auto u = packs::rows(unconstrained, block, lane, first);
    const auto x = packs::rows(constrained, block, lane, value_first);
    simd::Pack last = linear_ == 1 ? u[0] : packs::exp(u[0]);
    x.set(0, last);
    for (Index k = 1; k < size_; ++k) {
      last = last + packs::exp(u[k]);
      x.set(k, last);
    }
  });
}

void Ordered::add_log_jacobian(ConstBatchView unconstrained, Index first, BatchView out, bool value, bool gradient,
                               Index gradient_first) const {
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const auto u = packs::rows(unconstrained, block, lane, first);
    if (value) {
      simd::Pack sum{};
      for (Index k = linear_; k < size_; ++k) sum += u[k];
      packs::rows(out, block, lane, 0).add(0, sum);
    }
    if (!gradient) return;
    const auto by_u = packs::rows(out, block, lane, gradient_first);
    for (Index k = linear_; k < size_; ++k) by_u.add(k, simd::broadcast(1.0));
  });
}

void Ordered::pull_back(ConstBatchView unconstrained, Index first, ConstBatchView value_gradient, Index value_first, BatchView out,
                        Index gradient_first) const {
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const auto u = packs::rows(unconstrained, block, lane, first);
    const auto g = packs::rows(value_gradient, block, lane, value_first);
    const auto by_u = packs::rows(out, block, lane, gradient_first);
    simd::Pack later{};  // x_k is part of every x_j, j >= k
    for (Index k = size_ - 1; k >= 0; --k) {
      later += g[k];
      by_u.add(k, k < linear_ ? later : packs::exp(u[k]) * later);
    }
  });
}

std::optional<std::string> Ordered::unconstrain(std::span<const double> values, std::span<double> unconstrained) const {
  if (auto wrong = wrong_count(values.size(), size_)) return wrong;
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!std::isfinite(values[k])) return fmt::format("number {} is {} (it must be finite)", k + 1, values[k]);
    if (k == 0 && linear_ == 1) {
      unconstrained[0] = values[0];
      continue;
    }
    const double last = k == 0 ? 0.0 : values[k - 1];
    if (!(values[k] > last)) return fmt::format("number {} is {} (it must be above {})", k + 1, values[k], last);
    unconstrained[k] = std::log(values[k] - last);
  }
  return std::nullopt;
}

Entry ordered_entry() {
  Entry entry;
  entry.name = "ordered";
  entry.summary = "increasing vector, x_1 = u_1, x_k = x_(k-1) + exp(u_k)";
  entry.source = "Stan Reference Manual 2.32, Constraint transforms: ordered vector";
  entry.size = "numbers";
  entry.make = [](const Arguments& arguments) { return std::make_unique<Ordered>(arguments.size); };
  entry.smoke = {{2, {}}, {4, {}}};
  return entry;
}

Entry positive_ordered_entry() {
  Entry entry;
  entry.name = "positive_ordered";
  entry.summary = "increasing vector of positive numbers, x_1 = exp(u_1), x_k = x_(k-1) + exp(u_k)";
  entry.source = "Stan Reference Manual 2.32, Constraint transforms: positive ordered vector";
  entry.size = "numbers";
  entry.make = [](const Arguments& arguments) { return std::make_unique<Ordered>(arguments.size, Ordered::First::positive); };
  entry.smoke = {{1, {}}, {4, {}}};
  return entry;
}

}  // namespace variscope::transforms
