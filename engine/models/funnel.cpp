/// Neal's funnel: value, gradient, Hessian, draws, and expectations by the lognormal's mean.
#include "engine/models/funnel.hpp"

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

Funnel::Funnel(Index dim, double scale)
    : dim_(dim), scale_(scale), constant_(-0.5 * static_cast<double>(dim) * std::log(2.0 * std::numbers::pi) - std::log(scale)) {
  if (dim < 2) throw UserError(fmt::format("model.dim: {} (v and at least one x). Give 2 or more.", dim));
  if (!(scale > 0) || !std::isfinite(scale))
    throw UserError("model.scale: not a positive number (it is the spread of v). Give one above 0.");
}

std::vector<std::string> Funnel::parameter_names() const {
  std::vector<std::string> names = {"v"};
  for (Index d = 1; d < dim_; ++d) names.push_back(fmt::format("x[{}]", d - 1));
  return names;
}

void Funnel::log_prior(ConstBatchView theta, Evaluation& out) const {
  using simd::Pack;
  using transforms::packs::rows;
  const Index product = out.wanted.hessian_row(dim_);
  const double inverse_square = 1.0 / (scale_ * scale_);
  const auto others = static_cast<double>(dim_ - 1);
  transforms::packs::for_each_pack(theta.count, [&](Index block, Index lane) {
    const auto z = rows(theta, block, lane, 0);
    const auto to = rows(out.out, block, lane, 0);
    const Pack v = z[0];
    const Pack held = simd::max(simd::broadcast(-600.0), simd::min(simd::broadcast(600.0), v));
    const Pack free = held == v ? simd::broadcast(1.0) : Pack{};
    const Pack precision = transforms::packs::exp(-held);
    Pack square{};
    for (Index d = 1; d < dim_; ++d) square += z[d] * z[d];
    const Pack form = square * precision;
    if (out.wanted.value) to.add(0, constant_ - 0.5 * (inverse_square * v * v + others * held + form));
    if (out.wanted.gradient) {
      to.add(1, 0.5 * free * (form - others) - inverse_square * v);
      for (Index d = 1; d < dim_; ++d) to.add(1 + d, -precision * z[d]);
    }
    if (!out.wanted.hessian_vector) return;
    const auto along = rows(out.direction, block, lane, 0);
    Pack cross{};
    for (Index d = 1; d < dim_; ++d) {
      cross += z[d] * along[d];
      to.add(product + d, precision * (free * z[d] * along[0] - along[d]));
    }
    to.add(product, free * precision * (cross - 0.5 * square * along[0]) - inverse_square * along[0]);
  });
  out.counts.add_evaluations(out.wanted, theta.count);
}

void Funnel::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  theta[0] = scale_ * random::normal(stream, 0);
  const double spread = std::exp(0.5 * theta[0]);
  for (std::size_t d = 1; d < theta.size(); ++d) theta[d] = spread * random::normal(stream, static_cast<std::uint32_t>(d));
}

void Funnel::expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const {
  const auto side = static_cast<std::size_t>(dim_);
  const auto others = static_cast<double>(dim_ - 1);
  const double inverse_square = 1.0 / (scale_ * scale_);
  const double variance = scale[0] * scale[0];
  const double argument = 0.5 * variance - mean[0];
  const double precision = std::exp(argument);  // E exp(-v)
  // A few dozen roundings, those of the argument counting by its size; a sum of dim squares adds dim more.
  const double unit = (32.0 + 2.0 * (std::abs(mean[0]) + variance) + static_cast<double>(dim_)) * std::numeric_limits<double>::epsilon();
  const auto add = [&](double& to, double& error, std::initializer_list<double> terms) {
    double size = 0;
    for (const double term : terms) {
      to += term;
      size += std::abs(term);
    }
    error += unit * (size + std::abs(to));
  };
  double square = 0;
  for (std::size_t d = 1; d < side; ++d) {
    const double x2 = mean[d] * mean[d] + scale[d] * scale[d];
    square += x2;
    add(out.gradient[d], out.error[d], {-precision * mean[d]});
    add(out.gradient[side + d], out.error[side + d], {-precision * scale[d] * scale[d]});
  }
  add(out.value, out.value_error,
      {constant_, -0.5 * inverse_square * mean[0] * mean[0], -0.5 * inverse_square * variance, -0.5 * others * mean[0],
       -0.5 * square * precision});
  add(out.gradient[0], out.error[0], {-inverse_square * mean[0], -0.5 * others, 0.5 * square * precision});
  add(out.gradient[side], out.error[side], {-inverse_square * variance, -0.5 * square * precision * variance});
}

Entry funnel_entry() {
  Entry entry;
  entry.name = "funnel";
  entry.summary = "Neal's funnel, centred and normalised: v ~ N(0, scale^2), x_i ~ N(0, exp(v)); Var x = exp(scale^2 / 2)";
  entry.source = "Neal 2003, Ann. Statist. 31(3), section 8";
  entry.parameters = {{"dim", "coordinates: v and dim - 1 of x; at least 2", {10.0}}, {"scale", "standard deviation of v, above 0", {3.0}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<Funnel>(whole_number(arguments, "dim"), arguments.number("scale"));
  };
  entry.smoke.numbers = {{"dim", {3.0}}, {"scale", {1.0}}};  // milder tails: tests average over draws
  return entry;
}

}  // namespace variscope::models
