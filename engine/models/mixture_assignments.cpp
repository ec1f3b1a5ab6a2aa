/// Two collapsed components: counts, sums and squares of the points in each.
#include "engine/models/mixture_assignments.hpp"

#include <cmath>
#include <memory>
#include <numbers>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/simd/math.hpp"
#include "engine/simd/pack.hpp"

namespace variscope::models {

namespace {

using simd::Pack;

/// How often a point counts in a component: z^2 in component 1, (1 - z)^2 in component 0.
Pack times(std::size_t component, Pack z) {
  const Pack root = component == 1 ? z : 1.0 - z;
  return root * root;
}

/// Its derivative in z.
Pack times_slope(std::size_t component, Pack z) { return component == 1 ? 2.0 * z : 2.0 * z - 2.0; }

}  // namespace

MixtureAssignments::MixtureAssignments(std::vector<double> points, double weight, const std::vector<double>& means, double tau,
                                       double sigma)
    : points_(std::move(points)), log_weights_{}, means_{}, prior_variance_(tau * tau), variance_(sigma * sigma), log_constant_(0) {
  if (points_.empty()) throw UserError("model.points: empty (every point is a variable). Give at least one.");
  for (const double y : points_) {
    if (!std::isfinite(y)) throw UserError("model.points: not all finite (they are observations). Give finite numbers.");
  }
  if (!(weight > 0) || !(weight < 1))
    throw UserError(fmt::format("model.weight: {} (it is the probability of component 1). Give one between 0 and 1.", weight));
  if (means.size() != 2 || !std::isfinite(means[0]) || !std::isfinite(means[1]))
    throw UserError(fmt::format("model.means: {} values (prior means of both components). Give two finite ones.", means.size()));
  if (!(tau > 0) || !std::isfinite(tau)) throw UserError("model.tau: not positive and finite (prior sd of the components' means). Use 1.");
  if (!(sigma > 0) || !std::isfinite(sigma)) throw UserError("model.sigma: not positive and finite (sd within a component). Use 1.");
  log_weights_ = {std::log1p(-weight), std::log(weight)};
  means_ = {means[0], means[1]};
  log_constant_ = -0.5 * std::log(2 * std::numbers::pi * variance_);
}

void MixtureAssignments::log_prior(ConstBatchView theta, Evaluation& out) const {
  constexpr Index kLanes = tiles::kLanes;
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (Index lane = 0; lane < kLanes; lane += simd::kWidth) {
      const double* z = theta.block(b) + lane;
      double* to = out.out.block(b) + lane;
      Pack value{};
      for (std::size_t k = 0; k < 2; ++k) {
        Pack count{};
        Pack sum{};
        Pack square{};
        for (Index n = 0; n < dim(); ++n) {
          const Pack weight = times(k, simd::load(z + n * kLanes));
          const double e = points_[static_cast<std::size_t>(n)] - means_[k];
          count += weight;
          sum = simd::fma(weight, Pack{} + e, sum);
          square = simd::fma(weight, Pack{} + e * e, square);
        }
        const double each = log_weights_[k] + log_constant_;
        const double ratio = prior_variance_ / variance_;
        const Pack shrunk = prior_variance_ / (variance_ + count * prior_variance_);
        if (out.wanted.value) {
          const Pack residual = (square - shrunk * sum * sum) / (2 * variance_);
          value += count * each - 0.5 * simd::log1p_nonnegative(count * ratio) - residual;
        }
        if (!out.wanted.gradient) continue;
        for (Index n = 0; n < dim(); ++n) {
          const double e = points_[static_cast<std::size_t>(n)] - means_[k];
          // Of what one point more, once, adds.
          const Pack residual = (e * e - 2.0 * e * shrunk * sum + shrunk * shrunk * sum * sum) / (2 * variance_);
          const Pack slope = each - 0.5 * shrunk - residual;
          double* place = to + (1 + n) * kLanes;
          simd::store(place, simd::fma(slope, times_slope(k, simd::load(z + n * kLanes)), simd::load(place)));
        }
      }
      if (out.wanted.value) simd::store(to, simd::load(to) + value);
    }
  }
  out.counts.add_evaluations(out.wanted, theta.count);
}

Entry mixture_assignments_entry() {
  Entry entry;
  entry.name = "mixture_assignments";
  entry.summary =
      "which of two normal components each point came from, their means integrated out; z in {0, 1}^dim, meant for Bernoulli q, and smooth "
      "between";
  entry.source = "Bishop 2006, Pattern Recognition and Machine Learning, sections 2.3.3 and 9.3";
  entry.parameters = {{"points", "observations, one variable each", {-1.2, -0.4, 0.3, 0.9, 1.6, 2.0}},
                      {"weight", "prior probability of component 1", {0.5}},
                      {"means", "prior means of the two components' means", {-1.0, 1.0}},
                      {"tau", "their prior sd", {1.0}},
                      {"sigma", "sd within a component", {0.7}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<MixtureAssignments>(arguments.numbers.at("points"), arguments.number("weight"), arguments.numbers.at("means"),
                                                arguments.number("tau"), arguments.number("sigma"));
  };
  entry.smoke.numbers = {{"points", {-1.2, 0.3, 1.6}}, {"weight", {0.4}}, {"means", {-1.0, 1.0}}, {"tau", {1.0}}, {"sigma", {0.7}}};
  return entry;
}

}  // namespace variscope::models
