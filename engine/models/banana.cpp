/// Banana: value, gradient, and expectations from the moments of x up to the fourth.
#include "engine/models/banana.hpp"

#include <cmath>
#include <limits>

#include "engine/error.hpp"
#include "engine/simd/pack.hpp"

namespace variscope::models {

Banana::Banana(double scale, double curvature) : scale_(scale), inverse_square_(1.0 / (scale * scale)), curvature_(curvature) {
  if (!(scale > 0) || !std::isfinite(scale))
    throw UserError("model.scale: not a positive number (it is the spread of x). Give one above 0.");
  if (!std::isfinite(curvature)) throw UserError("model.curvature: not finite (it bends y along curvature x^2). Give a finite number.");
}

void Banana::log_prior(ConstBatchView theta, Evaluation& out) const {
  using simd::Pack;
  const Index product = out.wanted.hessian_row(2) * tiles::kLanes;
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < tiles::kLanes; lane += simd::kWidth) {
      const double* from = theta.block(b) + lane;
      double* to = out.out.block(b) + lane;
      const Pack x = simd::load(from);
      const Pack u = simd::load(from + tiles::kLanes) - curvature_ * x * x;  // distance from the parabola
      if (out.wanted.value) simd::store(to, simd::load(to) - 0.5 * (inverse_square_ * x * x + u * u));
      if (out.wanted.gradient) {
        simd::store(to + tiles::kLanes, simd::load(to + tiles::kLanes) + (2.0 * curvature_ * x * u - inverse_square_ * x));
        simd::store(to + 2 * tiles::kLanes, simd::load(to + 2 * tiles::kLanes) - u);
      }
      if (!out.wanted.hessian_vector) continue;
      const double* along = out.direction.block(b) + lane;
      const Pack dx = simd::load(along);
      const Pack dy = simd::load(along + tiles::kLanes);
      const Pack bend = 2.0 * curvature_ * x;  // the slope of the parabola, and the mixed second derivative
      double* by_x = to + product;
      double* by_y = by_x + tiles::kLanes;
      simd::store(by_x, simd::load(by_x) + ((2.0 * curvature_ * u - bend * bend - inverse_square_) * dx + bend * dy));
      simd::store(by_y, simd::load(by_y) + (bend * dx - dy));
    }
  }
  out.counts.add_evaluations(out.wanted, theta.count);
}

void Banana::simulate_prior(const random::Stream& stream, std::span<double> theta) const {
  theta[0] = scale_ * random::normal(stream, 0);
  theta[1] = curvature_ * theta[0] * theta[0] + random::normal(stream, 1);
}

namespace {

/// Adds a sum of terms, its error bounded by their sizes: under a dozen roundings each, so 16 epsilon of the size suffice.
void add(double& to, double& error, std::initializer_list<double> terms) {
  double sum = 0;
  double size = 0;
  for (const double term : terms) {
    sum += term;
    size += std::abs(term);
  }
  to += sum;
  error += 16.0 * std::numeric_limits<double>::epsilon() * (size + std::abs(to));
}

}  // namespace

void Banana::expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const {
  const double m = mean[0];
  const double v = scale[0] * scale[0];
  const double m2 = mean[1];
  const double v2 = scale[1] * scale[1];
  const double c = curvature_;
  const double x2 = m * m + v;                                      // E x^2
  const double x4 = m * m * m * m + 6.0 * m * m * v + 3.0 * v * v;  // E x^4
  add(out.value, out.value_error, {-0.5 * inverse_square_ * x2, -0.5 * (m2 * m2 + v2), c * m2 * x2, -0.5 * c * c * x4});
  add(out.gradient[0], out.error[0], {-inverse_square_ * m, 2.0 * c * m2 * m, -2.0 * c * c * m * m * m, -6.0 * c * c * m * v});
  add(out.gradient[1], out.error[1], {-m2, c * x2});
  add(out.gradient[2], out.error[2], {-inverse_square_ * v, 2.0 * c * m2 * v, -6.0 * c * c * x2 * v});
  add(out.gradient[3], out.error[3], {-v2});
}

void Banana::expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const {
  const double m = mean[0];
  const double v = covariance[0];
  const double m2 = mean[1];
  const double v2 = covariance[3];
  const double k = 0.5 * covariance[1] + 0.5 * covariance[2];
  const double c = curvature_;
  const double x2 = m * m + v;                                      // E x^2
  const double x4 = m * m * m * m + 6.0 * m * m * v + 3.0 * v * v;  // E x^4
  // E x^2 y = m2 E x^2 + 2 m k.
  add(out.value, out.value_error, {-0.5 * inverse_square_ * x2, -0.5 * (m2 * m2 + v2), c * m2 * x2, 2.0 * c * m * k, -0.5 * c * c * x4});
  add(out.gradient[0], out.error[0], {-inverse_square_ * m, 2.0 * c * m2 * m, 2.0 * c * k, -2.0 * c * c * m * m * m, -6.0 * c * c * m * v});
  add(out.gradient[1], out.error[1], {-m2, c * x2});
  add(out.gradient[2], out.error[2], {-0.5 * inverse_square_, c * m2, -3.0 * c * c * x2});
  add(out.gradient[3], out.error[3], {c * m});
  add(out.gradient[4], out.error[4], {c * m});
  add(out.gradient[5], out.error[5], {-0.5});
}

Entry banana_entry() {
  Entry entry;
  entry.name = "banana";
  entry.summary = "two-dimensional Gaussian bent along a parabola; E[x] = 0, E[y] = curvature scale^2, log Z = log(2 pi scale)";
  entry.source =
      "definition: -1/2 (x^2 / scale^2 + (y - curvature x^2)^2); bent Gaussians: Haario, Saksman, Tamminen 1999, Comput. Stat. 14(3)";
  entry.parameters = {{"scale", "spread of x, above 0", {3.0}}, {"curvature", "bend of y along x^2", {0.1}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<Banana>(arguments.number("scale"), arguments.number("curvature"));
  };
  entry.smoke.numbers = {{"scale", {3.0}}, {"curvature", {0.1}}};
  return entry;
}

}  // namespace variscope::models
