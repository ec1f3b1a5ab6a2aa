/// Gauss-Hermite by Golub-Welsch and Newton; the trapezoidal rule with Gaussian weights.
#include "engine/oracles/quadrature.hpp"

// g++ 12 reports a false "maybe uninitialized" in the AVX-512 intrinsics that Eigen's products use.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

namespace variscope::oracles {
namespace {

/// Orthonormal Hermite polynomial p_n and its surroundings at x, all up to one common power of two.
struct Hermite {
  double ratio = 0;   ///< p_n / p_n'
  double weight = 0;  ///< 1 / sum_{k<n} p_k^2
};

/// Recurrence sqrt(k+1) p_{k+1} = x p_k - sqrt(k) p_{k-1}, p_0 = 1; p_n' = sqrt(n) p_{n-1}. Rescaled before it overflows.
Hermite hermite(Index order, double x) {
  double before = 0;
  double now = 1;
  double sum = 0;
  int exponent = 0;  // true value = stored * 2^exponent
  for (Index k = 0; k < order; ++k) {
    sum += now * now;
    const double next = (x * now - std::sqrt(static_cast<double>(k)) * before) / std::sqrt(static_cast<double>(k + 1));
    before = now;
    now = next;
    if (std::abs(now) > 0x1p200) {
      before = std::ldexp(before, -200);
      now = std::ldexp(now, -200);
      sum = std::ldexp(sum, -400);
      exponent += 200;
    }
  }
  return {now / (std::sqrt(static_cast<double>(order)) * before), std::ldexp(1.0 / sum, -2 * exponent)};
}

}  // namespace

Rule gauss_hermite(Index order) {
  if (order < 1) throw std::invalid_argument("gauss_hermite: order must be at least 1");
  const auto n = static_cast<std::size_t>(order);
  Rule rule{std::vector<double>(n), std::vector<double>(n)};
  if (order > 1) {
    const Eigen::VectorXd diagonal = Eigen::VectorXd::Zero(order);
    Eigen::VectorXd beside(order - 1);
    for (Index k = 0; k + 1 < order; ++k) beside[k] = std::sqrt(static_cast<double>(k + 1));
    Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
    solver.computeFromTridiagonal(diagonal, beside, Eigen::EigenvaluesOnly);
    if (solver.info() != Eigen::Success) throw std::runtime_error("gauss_hermite: the eigenvalues of the Jacobi matrix did not converge");
    for (std::size_t i = 0; i < n; ++i) rule.nodes[i] = solver.eigenvalues()[static_cast<Index>(i)];
  }
  // The upper half only, then mirrored: symmetric to the bit.
  for (std::size_t i = n / 2; i < n; ++i) {
    double x = rule.nodes[i];
    if (2 * i + 1 == n) {
      x = 0;
    } else {
      for (int newton = 0; newton < 2; ++newton) x -= hermite(order, x).ratio;
    }
    rule.nodes[i] = x;
    rule.weights[i] = hermite(order, x).weight;
    rule.nodes[n - 1 - i] = -x;
    rule.weights[n - 1 - i] = rule.weights[i];
  }
  rule.nodes[n / 2] = n % 2 == 1 ? 0.0 : rule.nodes[n / 2];
  return rule;
}

Rule trapezoidal(double step, double radius) {
  if (!(step > 0) || !(radius >= step)) throw std::invalid_argument("trapezoidal: needs 0 < step <= radius");
  const auto half = static_cast<Index>(std::floor(radius / step));
  Rule rule;
  for (Index j = -half; j <= half; ++j) {
    const double x = static_cast<double>(j) * step;
    rule.nodes.push_back(x);
    rule.weights.push_back(step * std::exp(-0.5 * x * x) / std::sqrt(2.0 * std::numbers::pi));
  }
  return rule;
}

}  // namespace variscope::oracles
