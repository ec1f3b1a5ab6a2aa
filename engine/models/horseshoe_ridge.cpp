/// Horseshoe ridge: value, gradient, Hessian pair by pair; exact draws by rejection.
#include "engine/models/horseshoe_ridge.hpp"

#include <cmath>
#include <memory>
#include <numbers>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/transforms/packs.hpp"

namespace variscope::models {
namespace {

/// log lambda, held where the likelihood would leave the range of double; and 1 where it is free to move.
struct Held {
  simd::Pack value;
  simd::Pack free;
};
Held hold(simd::Pack log_lambda) {
  const simd::Pack value = simd::max(simd::broadcast(-300.0), simd::min(simd::broadcast(300.0), log_lambda));
  return {value, value == log_lambda ? simd::broadcast(1.0) : simd::Pack{}};
}

}  // namespace

HorseshoeRidge::HorseshoeRidge(const std::vector<double>& y) : y_(y) {
  if (y.empty()) throw UserError("model.y: no number (every pair explains one). Give at least one.");
  for (const double value : y) {
    if (!(std::abs(value) <= 100.0))
      throw UserError(fmt::format("model.y: {} is not within -100 and 100 (standard errors). Give less.", value));
  }
}

std::vector<std::string> HorseshoeRidge::parameter_names() const {
  std::vector<std::string> names;
  for (const char* name : {"z", "log_lambda"}) {
    for (Index i = 0; i < pairs(); ++i) names.push_back(fmt::format("{}[{}]", name, i));
  }
  return names;
}

void HorseshoeRidge::constrain(ConstBatchView theta, BatchView out) const {
  using transforms::packs::rows;
  transforms::packs::for_each_pack(theta.count, [&](Index block, Index lane) {
    const auto from = rows(theta, block, lane, 0);
    const auto to = rows(out, block, lane, 0);
    for (Index i = 0; i < pairs(); ++i) {
      const simd::Pack lambda = transforms::packs::exp(from[pairs() + i]);
      to.set(i, from[i]);
      to.set(pairs() + i, lambda);
      to.set(2 * pairs() + i, from[i] * lambda);
    }
  });
}

void HorseshoeRidge::unconstrain(std::span<const double> values, std::span<double> theta) const {
  const std::size_t n = y_.size();
  for (std::size_t i = 0; i < n; ++i) {
    const double lambda = values[n + i];
    if (!std::isfinite(values[i])) throw UserError(fmt::format("z: number {} is {} (it must be finite).", i + 1, values[i]));
    if (!(lambda > 0) || !std::isfinite(lambda))
      throw UserError(fmt::format("lambda: number {} is {} (it must be finite and above 0).", i + 1, lambda));
    theta[i] = values[i];
    theta[n + i] = std::log(lambda);
  }
}

void HorseshoeRidge::log_prior(ConstBatchView theta, Evaluation& out) const {
  using simd::Pack;
  using transforms::packs::rows;
  const Index n = pairs();
  const Index product = out.wanted.hessian_row(2 * n);
  // N(z; 0, 1), then 2 / pi of the half-Cauchy (exp(u) / (1 + exp(2 u)) = sech(u) / 2), then N(y; lambda z, 1).
  const double constant = static_cast<double>(n) * -std::log(2.0 * std::numbers::pi * std::numbers::pi);
  transforms::packs::for_each_pack(theta.count, [&](Index block, Index lane) {
    const auto from = rows(theta, block, lane, 0);
    const auto to = rows(out.out, block, lane, 0);
    Pack sum{};
    for (Index i = 0; i < n; ++i) {
      const Pack z = from[i];
      const Pack u = from[n + i];
      const Held held = hold(u);
      const Pack lambda = transforms::packs::exp(held.value);
      const Pack beta = lambda * z;
      const Pack residual = y_[static_cast<std::size_t>(i)] - beta;
      const Pack tanh = transforms::packs::tanh(u);
      if (out.wanted.value) sum += transforms::packs::log_sech(u) - 0.5 * (z * z + residual * residual);
      if (out.wanted.gradient) {
        to.add(1 + i, residual * lambda - z);
        to.add(1 + n + i, held.free * (residual * beta) - tanh);
      }
      if (!out.wanted.hessian_vector) continue;
      const auto along = rows(out.direction, block, lane, 0);
      const Pack mixed = held.free * lambda * (residual - beta);
      to.add(product + i, mixed * along[n + i] - (1.0 + lambda * lambda) * along[i]);
      to.add(product + n + i, mixed * along[i] + (held.free * beta * (residual - beta) - (1.0 - tanh * tanh)) * along[n + i]);
    }
    if (out.wanted.value) to.add(0, constant + sum);
  });
  out.counts.add_evaluations(out.wanted, theta.count);
}

void HorseshoeRidge::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  // t = lambda / sqrt(1 + lambda^2) has density proportional to exp(a t^2) on (0, 1), a = y^2 / 2. Proposals have exp(a t) and are taken
  // with probability exp(-a t (1 - t)). Attempt k of pair i uses two uniforms of one block and a normal of the next.
  const std::size_t n = y_.size();
  for (std::size_t i = 0; i < n; ++i) {
    const double a = 0.5 * y_[i] * y_[i];
    for (std::size_t k = 0;; ++k) {
      const auto lane = static_cast<std::uint32_t>(4 * (i + n * k));
      const double p = random::uniform(stream, lane);
      double t = p;
      double rest = 1.0 - p;
      if (a >= 1.0) {
        rest = -std::log(p + (1.0 - p) * std::exp(-a)) / a;
        t = 1.0 - rest;
      } else if (a > 0) {
        t = std::log1p(p * std::expm1(a)) / a;
        rest = 1.0 - t;
      }
      if (!(t > 0 && rest > 0) || random::uniform(stream, lane + 1) >= std::exp(-a * t * rest)) continue;
      const double square = rest * (1.0 + t);  // 1 - t^2 = 1 / (1 + lambda^2): the variance of z given lambda and y
      theta[n + i] = std::log(t) - 0.5 * std::log(square);
      theta[i] = y_[i] * t * std::sqrt(square) + std::sqrt(square) * random::normal(stream, lane + 2);
      break;
    }
  }
}

Entry horseshoe_ridge_entry() {
  Entry entry;
  entry.name = "horseshoe_ridge";
  entry.summary = "horseshoe posterior of normal means, non-centred: y_i ~ N(lambda_i z_i, 1), ridges along lambda z = y; E beta known";
  entry.source = "Carvalho, Polson, Scott 2010, Biometrika 97(2)";
  entry.parameters = {{"y", "observations, one pair of coordinates each; within -100 and 100", {0.0, 2.0}}};
  entry.make = [](const Arguments& arguments) { return std::make_unique<HorseshoeRidge>(arguments.numbers.at("y")); };
  entry.smoke.numbers = {{"y", {0.5, 1.5}}};
  return entry;
}

}  // namespace variscope::models
