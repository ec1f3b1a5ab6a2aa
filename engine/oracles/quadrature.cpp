/// Gauss-Hermite by Golub-Welsch and Newton; Gauss-Legendre by Newton; the trapezoidal rule with the weights of several distributions.
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

/// Gauss-Legendre on (0, 1), weights adding up to 1.
Rule legendre(Index order) {
  const auto n = static_cast<std::size_t>(order);
  Rule rule{std::vector<double>(n), std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(n - 1 - i) + 0.75) / (static_cast<double>(n) + 0.5));
    double slope = 1;
    for (int newton = 0; newton < 60; ++newton) {
      double before = 1;
      double now = x;
      for (std::size_t k = 1; k < n; ++k) {
        const auto j = static_cast<double>(k);
        const double next = ((2.0 * j + 1.0) * x * now - j * before) / (j + 1.0);
        before = now;
        now = next;
      }
      slope = static_cast<double>(n) * (before - x * now) / (1.0 - x * x);
      const double move = now / slope;
      x -= move;
      if (std::abs(move) < 1e-15) break;
    }
    rule.nodes[i] = 0.5 + 0.5 * x;
    rule.weights[i] = 1.0 / ((1.0 - x * x) * slope * slope);
  }
  return rule;
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

Rule uniform(Index panels, Index order) {
  if (panels < 1 || order < 1) throw std::invalid_argument("uniform: panels and order must be at least 1");
  const Rule one = legendre(order);
  Rule rule;
  for (Index k = 0; k < panels; ++k) {
    for (std::size_t i = 0; i < one.size(); ++i) {
      rule.nodes.push_back((static_cast<double>(k) + one.nodes[i]) / static_cast<double>(panels));
      rule.weights.push_back(one.weights[i] / static_cast<double>(panels));
    }
  }
  return rule;
}

Rule rayleigh(double panel, double radius, Index order) {
  if (!(panel > 0) || !(radius > 0)) throw std::invalid_argument("rayleigh: needs a positive panel and radius");
  Rule rule = uniform(static_cast<Index>(std::ceil(radius / panel)), order);
  for (std::size_t i = 0; i < rule.size(); ++i) {
    const double w = radius * rule.nodes[i];
    rule.nodes[i] = w;
    rule.weights[i] *= radius * w * std::exp(-0.5 * w * w);
  }
  return rule;
}

Rule two_sided_maxwell(double step, double radius) {
  Rule rule = trapezoidal(step, radius);
  for (std::size_t i = 0; i < rule.size(); ++i) rule.weights[i] *= rule.nodes[i] * rule.nodes[i];
  return rule;
}

Rule logistic(double split, double panel, double radius, Index order) {
  if (!(panel > 0) || !(radius > 0)) throw std::invalid_argument("logistic: needs a positive panel and radius");
  const Rule side = uniform(static_cast<Index>(std::ceil(radius / panel)), order);
  Rule rule;
  const auto add = [&](double x, double weight) {
    const double t = std::exp(-std::abs(x));
    rule.nodes.push_back(x);
    rule.weights.push_back(radius * weight * t / ((1.0 + t) * (1.0 + t)));
  };
  for (std::size_t i = side.size(); i-- > 0;) add(split - radius * side.nodes[i], side.weights[i]);
  for (std::size_t i = 0; i < side.size(); ++i) add(split + radius * side.nodes[i], side.weights[i]);
  return rule;
}

}  // namespace variscope::oracles
