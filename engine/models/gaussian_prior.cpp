/// Independent normal priors over lane blocks.
#include "engine/models/gaussian_prior.hpp"

#include <cmath>

#include "engine/simd/pack.hpp"

namespace variscope::models {

namespace {

constexpr double kHalfLog2Pi = 0.918938533204672741780;
constexpr double kRounding = 4e-16;

/// The d-th term of the expectation, value and gradient in the mean; `spread` is the variance in units of the prior's.
void add_term(const GaussianPrior& prior, std::size_t d, double mean, double spread, GaussianExpectation& out) {
  const double sd = prior.sd[d];
  const double shift = (mean - prior.mean[d]) / sd;
  const double term = -0.5 * (shift * shift + spread) - std::log(sd) - kHalfLog2Pi;
  out.value += term;
  out.value_error += kRounding * std::fabs(term);
  out.gradient[d] -= shift / sd;
  out.error[d] += kRounding * std::fabs(shift / sd);
}

}  // namespace

void gaussian_log_prior(const GaussianPrior& prior, ConstBatchView theta, Evaluation& out) {
  constexpr Index kLanes = tiles::kLanes;
  const Index dim = theta.dim;
  const Index product = out.wanted.hessian_row(dim);
  double normaliser = 0;
  for (Index d = 0; d < dim; ++d) normaliser -= std::log(prior.sd[static_cast<std::size_t>(d)]) + kHalfLog2Pi;
  for (Index b = 0; b < theta.blocks(); ++b) {
    for (int part = 0; part < simd::kPacksPerBlock; ++part) {
      const double* z = theta.block(b) + part * simd::kWidth;
      double* to = out.out.block(b) + part * simd::kWidth;
      simd::Pack value = simd::broadcast(normaliser);
      for (Index d = 0; d < dim; ++d) {
        const double sd = prior.sd[static_cast<std::size_t>(d)];
        const simd::Pack scaled = (simd::load(z + d * kLanes) - prior.mean[static_cast<std::size_t>(d)]) / sd;
        value = simd::fma(scaled * -0.5, scaled, value);
        if (out.wanted.gradient) simd::store(to + (1 + d) * kLanes, simd::load(to + (1 + d) * kLanes) - scaled / sd);
        if (!out.wanted.hessian_vector) continue;
        double* place = to + (product + d) * kLanes;
        simd::store(place, simd::load(place) - simd::load(out.direction.block(b) + part * simd::kWidth + d * kLanes) / (sd * sd));
      }
      if (out.wanted.value) simd::store(to, simd::load(to) + value);
    }
  }
  out.counts.add_evaluations(out.wanted, theta.count);
}

void expected_gaussian_log_prior(const GaussianPrior& prior, const double* mean, const double* scale, GaussianExpectation& out) {
  const std::size_t dim = prior.mean.size();
  for (std::size_t d = 0; d < dim; ++d) {
    const double ratio = scale[d] / prior.sd[d];
    add_term(prior, d, mean[d], ratio * ratio, out);
    out.gradient[dim + d] -= ratio * ratio;
    out.error[dim + d] += kRounding * ratio * ratio;
  }
}

void expected_gaussian_log_prior_under(const GaussianPrior& prior, const double* mean, const double* covariance, GaussianExpectation& out) {
  const std::size_t dim = prior.mean.size();
  for (std::size_t d = 0; d < dim; ++d) {
    const double precision = 1.0 / (prior.sd[d] * prior.sd[d]);
    add_term(prior, d, mean[d], covariance[d * dim + d] * precision, out);
    const std::size_t place = dim + d * dim + d;
    out.gradient[place] -= 0.5 * precision;
    out.error[place] += kRounding * precision;
  }
}

}  // namespace variscope::models
