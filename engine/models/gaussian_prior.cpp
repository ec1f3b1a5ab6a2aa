/// Independent normal priors over lane blocks.
#include "engine/models/gaussian_prior.hpp"

#include <cmath>

#include "engine/simd/pack.hpp"

namespace variscope::models {

namespace {
constexpr double kHalfLog2Pi = 0.918938533204672741780;
}

void gaussian_log_prior(const GaussianPrior& prior, ConstBatchView theta, Evaluation& out) {
  constexpr Index kLanes = tiles::kLanes;
  const Index dim = theta.dim;
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
      }
      if (out.wanted.value) simd::store(to, simd::load(to) + value);
    }
  }
  (out.wanted.gradient ? out.counts.gradient_evaluations : out.counts.value_evaluations) += theta.count;
}

void expected_gaussian_log_prior(const GaussianPrior& prior, const double* mean, const double* scale, GaussianExpectation& out) {
  constexpr double kRounding = 4e-16;
  const std::size_t dim = prior.mean.size();
  for (std::size_t d = 0; d < dim; ++d) {
    const double sd = prior.sd[d];
    const double shift = (mean[d] - prior.mean[d]) / sd;
    const double spread = scale[d] / sd;
    const double term = -0.5 * (shift * shift + spread * spread) - std::log(sd) - kHalfLog2Pi;
    out.value += term;
    out.value_error += kRounding * std::fabs(term);
    out.gradient[d] -= shift / sd;
    out.gradient[dim + d] -= spread * spread;
    out.error[d] += kRounding * std::fabs(shift / sd);
    out.error[dim + d] += kRounding * spread * spread;
  }
}

}  // namespace variscope::models
