/// Bernoulli toy: a sum of squares, coordinate by coordinate.
#include "engine/models/bernoulli_toy.hpp"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/simd/pack.hpp"

namespace variscope::models {

BernoulliToy::BernoulliToy(double dim, double p0) : dim_(0), p0_(p0) {
  if (!(dim >= 1) || dim != std::floor(dim) || dim > 1e9)
    throw UserError(fmt::format("model.dim: {} is not a number of coordinates (it counts them). Give a whole number, 1 or more.", dim));
  if (!std::isfinite(p0)) throw UserError("model.p0: not finite (it is what every coordinate is compared with). Give a finite number.");
  dim_ = static_cast<Index>(dim);
}

void BernoulliToy::log_prior(ConstBatchView theta, Evaluation& out) const {
  using simd::Pack;
  constexpr Index kLanes = tiles::kLanes;
  const Index product = out.wanted.hessian_row(dim_);
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < kLanes; lane += simd::kWidth) {
      const double* z = theta.block(b) + lane;
      double* to = out.out.block(b) + lane;
      Pack value{};
      for (Index d = 0; d < dim_; ++d) {
        const Pack distance = simd::load(z + d * kLanes) - p0_;
        value = simd::fma(distance, distance, value);
        if (out.wanted.gradient) simd::store(to + (1 + d) * kLanes, simd::load(to + (1 + d) * kLanes) + 2.0 * distance);
        if (!out.wanted.hessian_vector) continue;
        double* place = to + (product + d) * kLanes;
        simd::store(place, simd::load(place) + 2.0 * simd::load(out.direction.block(b) + lane + d * kLanes));
      }
      if (out.wanted.value) simd::store(to, simd::load(to) + value);
    }
  }
  out.counts.add_evaluations(out.wanted, theta.count);
}

namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

/// Value and mean gradient of sum (m_d - p0)^2 + variance_d; `variance` gives the d-th variance.
template <class Variance>
void add_moments(Index dim, double p0, const double* mean, const Variance& variance, GaussianExpectation& out) {
  double value = 0;
  double size = 0;  // a rounding of m - p0 counts with |m| + |p0|
  for (Index d = 0; d < dim; ++d) {
    const double distance = mean[d] - p0;
    const double parts = std::abs(mean[d]) + std::abs(p0);
    value += distance * distance + variance(d);
    size += parts * parts + variance(d);
    const auto i = static_cast<std::size_t>(d);
    out.gradient[i] += 2.0 * distance;
    out.error[i] += kEpsilon * (2.0 * parts + std::abs(out.gradient[i]));
  }
  out.value += value;
  out.value_error += kEpsilon * (static_cast<double>(dim + 4) * size + std::abs(out.value));
}

}  // namespace

void BernoulliToy::expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const {
  add_moments(
      dim_, p0_, mean, [&](Index d) { return scale[d] * scale[d]; }, out);
  for (Index d = 0; d < dim_; ++d) {
    const auto i = static_cast<std::size_t>(dim_ + d);
    out.gradient[i] += 2.0 * scale[d] * scale[d];
    out.error[i] += 2.0 * kEpsilon * std::abs(out.gradient[i]);
  }
}

void BernoulliToy::expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const {
  add_moments(
      dim_, p0_, mean, [&](Index d) { return covariance[d * dim_ + d]; }, out);
  for (Index d = 0; d < dim_; ++d) {
    const auto i = static_cast<std::size_t>(dim_ + d * dim_ + d);
    out.gradient[i] += 1.0;
    out.error[i] += kEpsilon * std::abs(out.gradient[i]);
  }
}

Entry bernoulli_toy_entry() {
  Entry entry;
  entry.name = "bernoulli_toy";
  entry.summary = "sum of (z_d - p0)^2, the toy objective E_q[f] of estimators for Bernoulli z; p0 near 1/2 makes the signal small";
  entry.source = "Tucker et al. 2017 (REBAR), NeurIPS 30; Grathwohl et al. 2018 (RELAX), ICLR: toy problems";
  entry.parameters = {{"dim", "number of coordinates", {1.0}}, {"p0", "what every coordinate is compared with", {0.49}}};
  entry.make = [](const Arguments& arguments) { return std::make_unique<BernoulliToy>(arguments.number("dim"), arguments.number("p0")); };
  entry.smoke.numbers = {{"dim", {3.0}}, {"p0", {0.49}}};
  return entry;
}

}  // namespace variscope::models
