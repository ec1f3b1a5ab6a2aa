/// f(z) of a sample block: l(z) - log q(z) for the ELBO, l(z) for a bare expectation.
#pragma once

#include <algorithm>
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

/// Calls use(part) for parts of at most a lane block of per-sample columns: what training hands over comes in one piece. All requests have
/// one column a sample.
template <class Use>
void for_each_block(const SampleBlock& block, Use&& use) {
  std::array<Index, 8> origins{};
  for (Index first = block.first; first < block.last; first += static_cast<Index>(kLargestBlock)) {
    SampleBlock part = block;
    part.first = first;
    part.last = std::min(first + static_cast<Index>(kLargestBlock), block.last);
    for (std::size_t r = 0; r < block.origins.size(); ++r) origins[r] = block.origins[r] + (first - block.first);
    part.origins = std::span<const Index>(origins).first(block.origins.size());
    use(part);
  }
}

/// f of the samples [block.first, block.last), the value being row 0 of request `request`.
BlockValues integrand(const Context& context, const SampleBlock& block, std::size_t request = 0);

}  // namespace variscope::estimators
