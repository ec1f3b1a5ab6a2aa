/// Quadrature rules for expectations over standard normal variables, in one and two dimensions.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/index.hpp"

namespace variscope::oracles {

/// sum_i weights[i] f(nodes[i]) approximates E[f(eps)], eps ~ N(0,1). Nodes ascend and are exactly symmetric about 0.
struct Rule {
  std::vector<double> nodes;
  std::vector<double> weights;

  [[nodiscard]] std::size_t size() const { return nodes.size(); }
};

/// Gauss-Hermite rule for the standard normal weight: exact for polynomials up to degree 2 order - 1.
/// Nodes by Golub & Welsch 1969 (eigenvalues of the Jacobi matrix), polished by Newton; weights 1 / sum_k p_k(x)^2 (Christoffel).
/// Rescaled recurrence, so any order; weights below 1e-300 become 0. Cost O(order^2). Throws std::invalid_argument if order < 1.
Rule gauss_hermite(Index order);

/// Trapezoidal rule on [-radius, radius]: for functions analytic in a strip the error falls like exp(-2 pi^2 w^2 / step^2), w being
/// the width of the narrowest Gaussian in weight times function (Trefethen & Weideman 2014, SIAM Review 56(3), section 5), and an
/// oscillation cos(k eps) adds exp(-(2 pi / step - k)^2 / 2). Better than Gauss-Hermite for narrow functions,
/// as good as any for polynomials once step <= 1/2.
Rule trapezoidal(double step, double radius = 14.0);

/// Composite Gauss-Legendre rule for the uniform distribution on (0, 1): `panels` equal panels of `order` nodes each.
/// Throws std::invalid_argument if either is below 1. Newton's method on the Legendre recurrence; cost O(order^2 + panels order).
Rule uniform(Index panels, Index order = 16);

/// The Rayleigh distribution, density w exp(-w^2 / 2) on (0, radius): composite Gauss-Legendre with panels of about the given width.
/// Not the trapezoidal rule: what is integrated against it need not continue smoothly below 0.
Rule rayleigh(double panel, double radius = 14.0, Index order = 16);

/// The two-sided Maxwell distribution, density x^2 exp(-x^2 / 2) / sqrt(2 pi) on the whole line: trapezoidal() with x^2 in the weights.
Rule two_sided_maxwell(double step, double radius = 14.0);

/// The logistic distribution (log odds of a uniform) by composite Gauss-Legendre on (split - radius, split + radius), panels of about the
/// given width that meet at `split`, where the function may jump. What lies beyond is of the size exp(|split| - radius).
Rule logistic(double split, double panel, double radius = 60.0, Index order = 16);

/// E[f(eps)].
template <class F>
double expectation(const Rule& rule, F&& f) {
  double sum = 0;
  for (std::size_t i = 0; i < rule.size(); ++i) sum += rule.weights[i] * f(rule.nodes[i]);
  return sum;
}

/// E[f(eps1, eps2)] by the tensor product of a rule with itself.
template <class F>
double expectation_2d(const Rule& rule, F&& f) {
  double sum = 0;
  for (std::size_t i = 0; i < rule.size(); ++i) {
    double inner = 0;
    for (std::size_t j = 0; j < rule.size(); ++j) inner += rule.weights[j] * f(rule.nodes[i], rule.nodes[j]);
    sum += rule.weights[i] * inner;
  }
  return sum;
}

}  // namespace variscope::oracles
