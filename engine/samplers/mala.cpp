/// The Metropolis-adjusted Langevin algorithm.
#include "engine/samplers/mala.hpp"

#include <algorithm>
#include <cmath>

namespace variscope::samplers {

using random::Purpose;

std::vector<Statistic> Mala::statistics() const {
  return {{"acceptance_rate", "probability with which the proposal is accepted", StatisticKind::real},
          {"accepted", "whether it was", StatisticKind::boolean},
          {"step_size", "step size of the iteration", StatisticKind::real}};
}

Transition Mala::step(Step& step) const {
  Chain& chain = *step.chain;
  if (step_size_is_due(step)) co_await find_step_size(step);
  const Metric sigma = metric(chain);
  const double size = step_size(step);
  const double drift = 0.5 * size * size;
  const Index n = dim();
  const Index stride = padded(n);
  const double* x = chain.position.data();
  double* y = step.scratch;
  double* g = y + stride;
  double* z = g + stride;
  double* back = z + stride;
  step.normals(Purpose::chain_proposal, 0, n, z);
  const double forward = -0.5 * dot(z, z, n);
  sigma.velocity(chain.gradient.data(), back);
  sigma.spread(z, z);
  for (Index d = 0; d < n; ++d) y[d] = x[d] + drift * back[d] + size * z[d];
  const double value = co_await step.gradient(y, g);
  sigma.velocity(g, back);
  for (Index d = 0; d < n; ++d) back[d] = (x[d] - y[d] - drift * back[d]) / size;
  sigma.whiten(back, back);
  const double backward = -0.5 * dot(back, back, n);
  const double log_ratio = value - chain.log_density + (backward - forward);
  const auto [acceptance, accepted] = decide(step, y, value, g, log_ratio);
  step.statistics[0] = acceptance;
  step.statistics[1] = accepted ? 1 : 0;
  step.statistics[2] = size;
  if (step.adapting()) warm_up(step, acceptance);
}

Entry mala_entry() {
  Entry entry;
  entry.name = "mala";
  entry.summary = "Metropolis with proposals that drift along the gradient";
  entry.source = "Besag 1994; Roberts and Tweedie 1996, Bernoulli 2(4); warm-up: Stan 2.32";
  entry.capabilities = {.gradient = true, .adapts = true, .independent = true};
  entry.parameters = gradient_parameters({.target_acceptance = 0.574});
  entry.words = gradient_words();
  entry.make = [](const Arguments& arguments, const models::Model& model) {
    return std::make_unique<Mala>(model.dim(), gradient_settings(arguments));
  };
  entry.smoke = {{"unit", {{"step_size", 0.9}}, {{"metric", "unit"}}},
                 {"diagonal", {{"step_size", 0.7}, {"jitter", 0.3}}, {{"metric", "diagonal"}}},
                 {"dense", {{"step_size", 0.9}}, {{"metric", "dense"}}}};
  return entry;
}

}  // namespace variscope::samplers
