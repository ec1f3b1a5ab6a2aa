/// Elliptical slice sampling.
#include "engine/samplers/elliptical_slice.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace variscope::samplers {

namespace {

using random::Purpose;

/// By then the bracket is 2^-200 of the circle in expectation: only a density that changes between calls gets there.
constexpr std::uint32_t kMostTrials = 1000;

}  // namespace

EllipticalSlice::EllipticalSlice(const models::GaussianPrior& prior, Flaw flaw)
    : Sampler(static_cast<Index>(prior.mean.size())), prior_(prior), flaw_(flaw) {}

std::vector<Statistic> EllipticalSlice::statistics() const {
  return {{"angle", "along the ellipse from where the chain stood to the draw", StatisticKind::real}};
}

Transition EllipticalSlice::step(Step& step) const {
  Chain& chain = *step.chain;
  const Index n = dim();
  const double* mean = prior_.mean.data();
  const double* sd = prior_.sd.data();
  double* proposal = step.scratch;
  double* z = proposal + padded(n);
  // Of the prior's density: constants cancel.
  const auto log_prior = [&](const double* x) {
    double sum = 0;
    for (Index d = 0; d < n; ++d) {
      const double w = (x[d] - mean[d]) / sd[d];
      sum -= 0.5 * w * w;
    }
    return sum;
  };
  step.normals(Purpose::chain_proposal, 0, n, z);
  const double height = chain.log_density - log_prior(chain.position.data()) + std::log(step.uniform(Purpose::chain_accept));
  double angle = 2 * std::numbers::pi * step.uniform(Purpose::chain_length);
  double low = angle - 2 * std::numbers::pi;
  double high = angle;
  for (std::uint32_t trial = 1;; ++trial) {
    const double c = std::cos(angle);
    const double s = std::sin(angle);
    for (Index d = 0; d < n; ++d) proposal[d] = mean[d] + c * (chain.position[static_cast<std::size_t>(d)] - mean[d]) + s * (sd[d] * z[d]);
    const double value = co_await step.value(proposal);
    const double level = flaw_ == Flaw::no_correction ? value : value - log_prior(proposal);
    if ((std::isfinite(value) && level > height) || flaw_ == Flaw::never_rejects) {
      std::copy_n(proposal, n, chain.position.begin());
      chain.log_density = value;
      break;
    }
    if (trial == kMostTrials) {
      angle = 0;
      break;
    }
    (angle < 0 ? low : high) = angle;
    angle = low + (high - low) * step.uniform(Purpose::chain_length, 0, trial);
  }
  step.statistics[0] = angle;
}

Entry elliptical_slice_entry() {
  Entry entry;
  entry.name = "elliptical_slice";
  entry.summary = "slices along ellipses through draws from the prior; nothing to tune, no gradients";
  entry.source = "Murray, Adams, MacKay 2010 (AISTATS), figure 2";
  entry.reason_against = [](const models::Model& model) {
    return std::string(model.gaussian_prior() == nullptr ? "its prior is not an independent normal" : "");
  };
  entry.make = [](const Arguments&, const models::Model& model) { return std::make_unique<EllipticalSlice>(*model.gaussian_prior()); };
  entry.smoke = {{"plain", {}, {}}};
  return entry;
}

}  // namespace variscope::samplers
