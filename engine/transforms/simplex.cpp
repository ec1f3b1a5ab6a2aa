/// Stick breaking in shares and rests, both with relative accuracy.
#include "engine/transforms/simplex.hpp"

#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "engine/aligned_vector.hpp"
#include "engine/error.hpp"
#include "engine/transforms/elementwise.hpp"
#include "engine/transforms/packs.hpp"

namespace variscope::transforms {

Simplex::Simplex(Index values) : values_(values) {
  if (values < 2) throw UserError(fmt::format("values: {} (one number of sum 1 is no parameter). Give 2 or more.", values));
  for (Index k = 1; k < values; ++k) shift_.push_back(std::log(static_cast<double>(values - k)));
}

void Simplex::constrain(ConstBatchView unconstrained, Index first, BatchView constrained, Index value_first) const {
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const auto u = packs::rows(unconstrained, block, lane, first);
    const auto x = packs::rows(constrained, block, lane, value_first);
    simd::Pack left = simd::broadcast(1.0);
    for (Index k = 0; k + 1 < values_; ++k) {
      const simd::Pack odds = u[k] - shift_[static_cast<std::size_t>(k)];
      x.set(k, left * packs::logistic(odds));
      left = left * packs::logistic(-odds);
    }
    x.set(values_ - 1, left);
  });
}

void Simplex::add_log_jacobian(ConstBatchView unconstrained, Index first, BatchView out, bool value, bool gradient,
                               Index gradient_first) const {
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const auto u = packs::rows(unconstrained, block, lane, first);
    const auto by_u = packs::rows(out, block, lane, gradient_first);
    simd::Pack sum{};
    for (Index k = 0; k + 1 < values_; ++k) {
      const simd::Pack odds = u[k] - shift_[static_cast<std::size_t>(k)];
      const auto behind = static_cast<double>(values_ - 1 - k);  // K - k of the docstring
      if (value) sum -= packs::softplus(-odds) + behind * packs::softplus(odds);
      if (gradient) by_u.add(k, packs::logistic(-odds) - behind * packs::logistic(odds));
    }
    if (value) packs::rows(out, block, lane, 0).add(0, sum);
  });
}

void Simplex::pull_back(ConstBatchView unconstrained, Index first, ConstBatchView value_gradient, Index value_first, BatchView out,
                        Index gradient_first) const {
  thread_local AlignedVector work;  // kept between calls
  work.resize(static_cast<std::size_t>(values_ * tiles::kLanes));
  packs::for_each_pack(unconstrained.count, [&](Index block, Index lane) {
    const auto u = packs::rows(unconstrained, block, lane, first);
    const auto g = packs::rows(value_gradient, block, lane, value_first);
    const auto by_u = packs::rows(out, block, lane, gradient_first);
    const packs::PackRows<double> sticks{work.data()};  // what was left before k
    simd::Pack left = simd::broadcast(1.0);
    for (Index k = 0; k + 1 < values_; ++k) {
      sticks.set(k, left);
      left = left * packs::logistic(shift_[static_cast<std::size_t>(k)] - u[k]);
    }
    // behind: sum_(j > k) g_j x_j per unit of the stick left after k.
    simd::Pack behind = g[values_ - 1];
    for (Index k = values_ - 2; k >= 0; --k) {
      const simd::Pack odds = u[k] - shift_[static_cast<std::size_t>(k)];
      const simd::Pack share = packs::logistic(odds);
      const simd::Pack rest = packs::logistic(-odds);
      by_u.add(k, sticks[k] * share * rest * (g[k] - behind));
      behind = share * g[k] + rest * behind;
    }
  });
}

std::optional<std::string> Simplex::unconstrain(std::span<const double> values, std::span<double> unconstrained) const {
  if (auto wrong = wrong_count(values.size(), values_)) return wrong;
  double sum = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!(values[k] > 0) || !std::isfinite(values[k])) return fmt::format("number {} is {} (it must be above 0)", k + 1, values[k]);
    sum += values[k];
  }
  if (!(std::abs(sum - 1.0) <= 1e-8)) return fmt::format("the numbers sum to {} (they must sum to 1)", sum);
  double behind = values.back();
  for (std::size_t k = values.size() - 1; k-- > 0;) {
    unconstrained[k] = std::log(values[k]) - std::log(behind) + shift_[k];
    behind += values[k];
  }
  return std::nullopt;
}

Entry simplex_entry() {
  Entry entry;
  entry.name = "simplex";
  entry.summary = "positive numbers of sum 1 by stick breaking; u = 0 gives equal numbers";
  entry.source = "Betancourt 2012, AIP Conf. Proc. 1443, arXiv:1010.3436; Stan Reference Manual 2.32, Constraint transforms: unit simplex";
  entry.size = "numbers, the last one included";
  entry.make = [](const Arguments& arguments) { return std::make_unique<Simplex>(arguments.size); };
  entry.free_values = [](const Arguments& arguments) {
    std::vector<Index> all;
    for (Index k = 0; k + 1 < arguments.size; ++k) all.push_back(k);
    return all;
  };
  entry.smoke = {{2, {}}, {5, {}}};
  return entry;
}

}  // namespace variscope::transforms
