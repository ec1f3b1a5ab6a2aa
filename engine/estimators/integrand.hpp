/// f(z) of a sample block: l(z) - log q(z) for the ELBO, l(z) for a bare expectation.
#pragma once

#include <array>
#include <span>

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {

/// The runner never hands over more samples at once: one lane block (experiments/plan/plan.hpp, kSampleBlock).
inline constexpr std::size_t kLargestBlock = 8;

/// A few numbers without a heap.
struct BlockValues {
  std::array<double, kLargestBlock> values{};
  std::size_t count = 0;
  [[nodiscard]] std::size_t size() const { return count; }
  double* begin() { return values.data(); }
  double* end() { return values.data() + count; }
  double& operator[](std::size_t i) { return values[i]; }
  [[nodiscard]] std::span<const double> span() const { return {values.data(), count}; }
};

/// f of the samples [block.first, block.last), the value being row 0 of request `request`.
BlockValues integrand(const Context& context, const SampleBlock& block, std::size_t request = 0);

}  // namespace variscope::estimators
