/// Two-loop recursion over the last eight pairs.
#include "engine/samplers/climb.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/samplers/metric.hpp"

namespace variscope::samplers {

namespace {

constexpr Index kPairs = 8;
constexpr double kLeastGain = 1e-10;

/// Changes of position s and of the gradient y (of minus the log density), the oldest overwritten.
struct Pairs {
  double* memory;
  Index dim;
  Index stride;
  std::array<double, kPairs> curvature{};  ///< s'y
  Index count = 0;

  [[nodiscard]] double* s(Index k) const { return memory + 2 * (k % kPairs) * stride; }
  [[nodiscard]] double* y(Index k) const { return s(k) + stride; }
  [[nodiscard]] double& product(Index k) { return curvature[static_cast<std::size_t>(k % kPairs)]; }
  /// direction = H g, H the inverse curvature as the pairs know it.
  void direct(const double* g, double* direction) {
    std::copy_n(g, dim, direction);
    std::array<double, kPairs> weights{};
    const Index oldest = std::max(Index{0}, count - kPairs);
    for (Index k = count - 1; k >= oldest; --k) {
      double& weight = weights[static_cast<std::size_t>(k % kPairs)];
      weight = dot(s(k), direction, dim) / product(k);
      for (Index d = 0; d < dim; ++d) direction[d] -= weight * y(k)[d];
    }
    const double scale =
        count == 0 ? 1 / std::max(1.0, std::sqrt(dot(g, g, dim))) : product(count - 1) / dot(y(count - 1), y(count - 1), dim);
    for (Index d = 0; d < dim; ++d) direction[d] *= scale;
    for (Index k = oldest; k < count; ++k) {
      const double back = weights[static_cast<std::size_t>(k % kPairs)] - dot(y(k), direction, dim) / product(k);
      for (Index d = 0; d < dim; ++d) direction[d] += back * s(k)[d];
    }
  }
  void learn(const double* from, const double* from_gradient, const double* to, const double* to_gradient) {
    for (Index d = 0; d < dim; ++d) {
      s(count)[d] = to[d] - from[d];
      y(count)[d] = from_gradient[d] - to_gradient[d];
    }
    product(count) = dot(s(count), y(count), dim);
    if (product(count) > 1e-12 * dot(y(count), y(count), dim)) ++count;
  }
};

}  // namespace

Index climb_scratch(Index dim) { return (3 + 2 * kPairs) * padded(dim); }

Transition climb(Step& step, Index dim, Summit& summit, double* scratch, Index most) {
  const Index stride = padded(dim);
  double* direction = scratch;
  double* x = scratch + stride;
  double* g = x + stride;
  Pairs pairs{scratch + 3 * stride, dim, stride};
  for (Index taken = 0; taken < most;) {
    pairs.direct(summit.gradient, direction);
    const double slope = dot(summit.gradient, direction, dim);
    // No number, or nothing to gain.
    if (!(slope > kLeastGain)) break;
    bool higher = false;
    double length = 1;
    for (; taken < most && length > 1e-18 && !higher; length *= 0.5) {
      for (Index d = 0; d < dim; ++d) x[d] = summit.x[d] + length * direction[d];
      const double value = co_await step.gradient(x, g);
      ++taken;
      higher = value >= summit.value + 1e-4 * length * slope;
      if (!higher) continue;
      pairs.learn(summit.x, summit.gradient, x, g);
      std::copy_n(x, dim, summit.x);
      std::copy_n(g, dim, summit.gradient);
      summit.value = value;
    }
    if (!higher) break;
  }
}

}  // namespace variscope::samplers
