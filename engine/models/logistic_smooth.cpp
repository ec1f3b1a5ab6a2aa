/// Trapezoidal sums for logistic expectations, vectorised over nodes.
#include "engine/models/logistic_smooth.hpp"

#include <algorithm>
#include <cmath>

#include "engine/models/logistic_terms.hpp"

namespace variscope::models::logistic {

namespace {

constexpr double kReach = 9.0;  // the normal weight beyond is below 1e-18
constexpr int kMaxNodes = 1 << 20;

struct Sums {
  double weight = 0;
  double softplus = 0;
  double sigmoid = 0;
  double slope = 0;
};

double total(simd::Pack v) {
  double sum = 0;
  for (int i = 0; i < simd::kWidth; ++i) sum += v[i];
  return sum;
}

/// Nodes first, first + stride, ... of the grid x_k = (k - half) h, weights exp(-x^2 / 2).
Sums sum_nodes(double center, double sd, double h, int half, int first, int stride) {
  simd::Pack weight{};
  simd::Pack softplus{};
  simd::Pack sigmoid{};
  simd::Pack slope{};
  const int last = 2 * half;
  for (int k = first; k <= last; k += stride * simd::kWidth) {
    simd::Pack x{};
    simd::Pack live{};
    for (int i = 0; i < simd::kWidth; ++i) {
      const int node = k + i * stride;
      x[i] = (node - half) * h;
      live[i] = node <= last ? 1.0 : 0.0;
    }
    const simd::Pack w = live * simd::exp_nonpositive(x * x * -0.5);
    // softplus(eta) = -log sigmoid(-eta): the margin is -eta.
    const Terms t = terms(-simd::fma(x, simd::broadcast(sd), simd::broadcast(center)));
    const simd::Pack p = t.residual();
    weight += w;
    softplus += w * (simd::log1p_nonnegative(t.t) - simd::min(t.margin, simd::Pack{}));
    sigmoid += w * p;
    slope += w * t.t / ((t.t + 1.0) * (t.t + 1.0));
  }
  return {total(weight), total(softplus), total(sigmoid), total(slope)};
}

}  // namespace

Smoothed smooth(double center, double sd) {
  // Twice the step keeps exp(-2 pi (pi / sd) / (2 h)) and exp(-2 pi^2 / (2 h)^2) below exp(-39).
  const double wanted = std::min(0.35, 0.25 / std::max(sd, 1e-300));
  const int half = static_cast<int>(std::min<double>(std::ceil(kReach / wanted), kMaxNodes / 2.0)) / 2 * 2 + 2;
  const double h = kReach / half;
  const Sums even = sum_nodes(center, sd, h, half, 0, 2);
  const Sums odd = sum_nodes(center, sd, h, half, 1, 2);
  const auto value = [&](double Sums::*f) { return (even.*f + odd.*f) / (even.weight + odd.weight); };
  const auto error = [&](double Sums::*f) { return std::fabs(even.*f / even.weight - value(f)); };
  return {value(&Sums::softplus), value(&Sums::sigmoid), value(&Sums::slope),
          error(&Sums::softplus), error(&Sums::sigmoid), error(&Sums::slope)};
}

}  // namespace variscope::models::logistic
