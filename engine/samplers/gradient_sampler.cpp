/// Stan's warm-up.
#include "engine/samplers/gradient_sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/samplers/arguments.hpp"
#include "engine/samplers/leapfrog.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

// Chain::state: dual averaging, whether a step size is to be searched, the metric.
constexpr Index kSearch = DualAveraging::kSize;
constexpr Index kMetric = kSearch + 1;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

Index GradientSampler::state_size() const { return kMetric + Metric::size(settings_.metric, dim()); }

Metric GradientSampler::metric(Chain& chain) const { return {settings_.metric, dim(), chain.state.data() + kMetric}; }

DualAveraging GradientSampler::dual_averaging(Chain& chain) { return DualAveraging(chain.state.data()); }

void GradientSampler::start(const Run&, Chain& chain) const {
  dual_averaging(chain).restart(settings_.step_size);
  chain.state[kSearch] = settings_.target_acceptance > 0 ? 1 : 0;
  metric(chain).start();
}

bool GradientSampler::set_variances(Chain& chain, std::span<const double> variances) const { return metric(chain).set_diagonal(variances); }

bool GradientSampler::step_size_is_due(const Step& step) const { return step.adapting() && step.chain->state[kSearch] != 0; }

Transition GradientSampler::find_step_size(Step& step) const {
  Chain& chain = *step.chain;
  const Metric sigma = metric(chain);
  const Index n = dim();
  const Index stride = padded(n);
  double* q = step.scratch;
  double* p = q + stride;
  double* g = p + stride;
  double* v = g + stride;
  double size = dual_averaging(chain).step_size();
  int direction = 0;
  for (std::uint32_t trial = 0; size > 1e-300 && size < 1e7; ++trial) {
    std::copy_n(chain.position.begin(), n, q);
    std::copy_n(chain.gradient.begin(), n, g);
    step.normals(Purpose::chain_search, trial, n, p);
    sigma.momentum(p, p);
    const double before = kinetic_energy(sigma, p, n, v) - chain.log_density;
    kick_and_drift(sigma, size, g, n, q, p, v);
    const double value = co_await step.gradient(q, g);
    kick(0.5 * size, g, n, p);
    const double after = kinetic_energy(sigma, p, n, v) - value;
    // Where there is no density, the step is too long.
    const double gain = std::isfinite(value) && !std::isnan(after) ? before - after : -kInfinity;
    const bool likely = gain > std::log(0.8);
    if (direction == 0) {
      direction = likely ? 1 : -1;
    } else if (likely != (direction == 1)) {
      break;
    } else {
      size *= direction == 1 ? 2 : 0.5;
    }
  }
  dual_averaging(chain).restart(size);
  chain.state[kSearch] = 0;
}

double GradientSampler::step_size(Step& step) const {
  const double size = dual_averaging(*step.chain).step_size();
  if (settings_.jitter == 0) return size;
  return size * (1 + settings_.jitter * (2 * step.uniform(Purpose::chain_length) - 1));
}

GradientSampler::Decision GradientSampler::decide(Step& step, const double* position, double value, const double* gradient,
                                                  double log_ratio) const {
  Chain& chain = *step.chain;
  const bool possible = std::isfinite(value) && log_ratio > -std::numeric_limits<double>::infinity();
  switch (settings_.flaw) {
    case Flaw::accept_sign:
      log_ratio = -log_ratio;
      break;
    case Flaw::never_rejects:
      log_ratio = 0;
      break;
    case Flaw::no_correction:
      log_ratio = value - chain.log_density;
      break;
    default:
      break;
  }
  Decision decision;
  decision.acceptance = possible ? std::min(1.0, std::exp(log_ratio)) : 0;
  decision.accepted = step.uniform(Purpose::chain_accept) < decision.acceptance;
  if (decision.accepted) {
    std::copy_n(position, dim(), chain.position.begin());
    std::copy_n(gradient, dim(), chain.gradient.begin());
    chain.log_density = value;
  }
  return decision;
}

void GradientSampler::warm_up(Step& step, double acceptance) const {
  Chain& chain = *step.chain;
  DualAveraging dual = dual_averaging(chain);
  const bool adapts = settings_.target_acceptance > 0;
  if (adapts) dual.learn(acceptance, settings_.target_acceptance);
  if (metric(chain).learn(step.iteration(), step.run.warmup, chain.position.data()) && adapts) chain.state[kSearch] = 1;
  if (adapts && step.iteration() + 1 == step.run.warmup) dual.finish();
}

std::vector<Parameter> gradient_parameters(const GradientSettings& settings) {
  return {{"step_size", "leapfrog step before warm-up, and for good without one", settings.step_size},
          {"target_acceptance", "mean acceptance that warm-up aims at; 0: the step size stays", settings.target_acceptance},
          {"jitter", "step sizes vary uniformly by this share up and down, in [0, 1)", settings.jitter}};
}

std::vector<Word> gradient_words() { return {metric_word("metric", "inverse mass, learned over the warm-up windows", "diagonal")}; }

GradientSettings gradient_settings(const Arguments& arguments) {
  GradientSettings settings;
  settings.metric = metric_kind(arguments.word("metric"));
  settings.step_size = number_within(arguments, "step_size", 1e-12, 1e6);
  settings.target_acceptance = number_within(arguments, "target_acceptance", 0, 0.9999);
  settings.jitter = number_within(arguments, "jitter", 0, 0.9999);
  return settings;
}

}  // namespace variscope::samplers
