/// Rosenbrock's density: pair by pair, and expectations from moments.
#include "engine/models/rosenbrock.hpp"

#include <cmath>
#include <initializer_list>
#include <limits>
#include <memory>
#include <numbers>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/models/whole_number.hpp"
#include "engine/transforms/packs.hpp"

namespace variscope::models {

Rosenbrock::Rosenbrock(Index dim, double a, double b, double mu)
    : dim_(dim), a_(a), b_(b), mu_(mu), constant_(0.5 * static_cast<double>(dim) * std::log(std::sqrt(a * b) / std::numbers::pi)) {
  if (dim < 2 || dim % 2 != 0) throw UserError(fmt::format("model.dim: {} (coordinates come in pairs). Give an even number.", dim));
  if (!(a > 0) || !std::isfinite(a)) throw UserError("model.a: not a positive number (1/(2a) is the variance of x). Give one above 0.");
  if (!(b > 0) || !std::isfinite(b)) throw UserError("model.b: not a positive number (1/(2b) is the ridge's variance). Give one above 0.");
  if (!std::isfinite(mu)) throw UserError("model.mu: not finite (it is the mean of x). Give a finite number.");
}

void Rosenbrock::log_prior(ConstBatchView theta, Evaluation& out) const {
  using simd::Pack;
  using transforms::packs::rows;
  const Index product = out.wanted.hessian_row(dim_);
  transforms::packs::for_each_pack(theta.count, [&](Index block, Index lane) {
    const auto z = rows(theta, block, lane, 0);
    const auto to = rows(out.out, block, lane, 0);
    Pack sum{};
    for (Index d = 0; d < dim_; d += 2) {
      const Pack x = z[d];
      const Pack off = x - mu_;
      const Pack u = z[d + 1] - x * x;  // distance from the ridge
      if (out.wanted.value) sum -= a_ * off * off + b_ * u * u;
      if (out.wanted.gradient) {
        to.add(1 + d, 4.0 * b_ * x * u - 2.0 * a_ * off);
        to.add(2 + d, -2.0 * b_ * u);
      }
      if (!out.wanted.hessian_vector) continue;
      const auto along = rows(out.direction, block, lane, 0);
      to.add(product + d, (4.0 * b_ * (u - 2.0 * x * x) - 2.0 * a_) * along[d] + 4.0 * b_ * x * along[d + 1]);
      to.add(product + d + 1, 4.0 * b_ * x * along[d] - 2.0 * b_ * along[d + 1]);
    }
    if (out.wanted.value) to.add(0, constant_ + sum);
  });
  out.counts.add_evaluations(out.wanted, theta.count);
}

void Rosenbrock::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  for (std::size_t d = 0; d + 1 < theta.size(); d += 2) {
    theta[d] = mu_ + std::sqrt(0.5 / a_) * random::normal(stream, static_cast<std::uint32_t>(d));
    theta[d + 1] = theta[d] * theta[d] + std::sqrt(0.5 / b_) * random::normal(stream, static_cast<std::uint32_t>(d + 1));
  }
}

namespace {

/// Adds a sum of terms, its error bounded by their sizes: under two dozen roundings each.
void add(double& to, double& error, std::initializer_list<double> terms) {
  double sum = 0;
  double size = 0;
  for (const double term : terms) {
    sum += term;
    size += std::abs(term);
  }
  to += sum;
  error += 32.0 * std::numeric_limits<double>::epsilon() * (size + std::abs(to));
}

}  // namespace

void Rosenbrock::expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const {
  add(out.value, out.value_error, {constant_});
  const auto side = static_cast<std::size_t>(dim_);
  for (std::size_t d = 0; d < side; d += 2) {
    const double m = mean[d];
    const double v = scale[d] * scale[d];
    const double n = mean[d + 1];
    const double w = scale[d + 1] * scale[d + 1];
    const double x2 = m * m + v;                                      // E x^2
    const double x4 = m * m * m * m + 6.0 * m * m * v + 3.0 * v * v;  // E x^4
    add(out.value, out.value_error, {-a_ * (m - mu_) * (m - mu_), -a_ * v, -b_ * n * n, -b_ * w, 2.0 * b_ * n * x2, -b_ * x4});
    add(out.gradient[d], out.error[d], {-2.0 * a_ * m, 2.0 * a_ * mu_, 4.0 * b_ * n * m, -4.0 * b_ * m * m * m, -12.0 * b_ * m * v});
    add(out.gradient[d + 1], out.error[d + 1], {-2.0 * b_ * n, 2.0 * b_ * x2});
    add(out.gradient[side + d], out.error[side + d], {-2.0 * a_ * v, 4.0 * b_ * n * v, -12.0 * b_ * x2 * v});
    add(out.gradient[side + d + 1], out.error[side + d + 1], {-2.0 * b_ * w});
  }
}

Entry rosenbrock_entry() {
  Entry entry;
  entry.name = "rosenbrock";
  entry.summary = "Rosenbrock's banana in independent pairs, normalised; E x = mu, E y = mu^2 + 1/(2a)";
  entry.source = "Pagani, Wiegand, Nadarajah 2022, Scand. J. Stat. 49(2): even Rosenbrock; its default a, b, mu";
  entry.parameters = {{"dim", "coordinates x, y, x, y, ...: an even number", {2.0}},
                      {"a", "1/(2a) is the variance of x; above 0", {0.05}},
                      {"b", "1/(2b) is the variance of y about x^2; above 0", {5.0}},
                      {"mu", "mean of x", {1.0}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<Rosenbrock>(whole_number(arguments, "dim"), arguments.number("a"), arguments.number("b"),
                                        arguments.number("mu"));
  };
  entry.smoke.numbers = {{"dim", {4.0}}, {"a", {0.4}}, {"b", {1.5}}, {"mu", {0.7}}};
  return entry;
}

}  // namespace variscope::models
