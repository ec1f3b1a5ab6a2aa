/// Random-walk Metropolis.
#include "engine/samplers/random_walk_metropolis.hpp"

#include <algorithm>
#include <cmath>

#include "engine/samplers/arguments.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

// Chain::state: log scale, iterations since it was set anew, the metric.
constexpr Index kLogScale = 0;
constexpr Index kCount = 1;
constexpr Index kMetric = 2;

}  // namespace

RandomWalkMetropolis::RandomWalkMetropolis(Index dim, const RandomWalkSettings& settings) : Sampler(dim), settings_(settings) {
  if (settings_.step_size == 0) settings_.step_size = 2.38 / std::sqrt(static_cast<double>(dim));
  if (settings_.target_acceptance == 0) settings_.target_acceptance = dim == 1 ? 0.44 : 0.234;
}

std::vector<Statistic> RandomWalkMetropolis::statistics() const {
  return {{"acceptance_rate", "probability with which the proposal is accepted", StatisticKind::real},
          {"accepted", "whether it was", StatisticKind::boolean},
          {"step_size", "scale of the proposal", StatisticKind::real}};
}

Index RandomWalkMetropolis::state_size() const { return kMetric + Metric::size(settings_.proposal, dim()); }

void RandomWalkMetropolis::start(const Run&, Chain& chain) const {
  chain.state[kLogScale] = std::log(settings_.step_size);
  chain.state[kCount] = 0;
  Metric(settings_.proposal, dim(), chain.state.data() + kMetric).start();
}

bool RandomWalkMetropolis::set_variances(Chain& chain, std::span<const double> variances) const {
  return Metric(settings_.proposal, dim(), chain.state.data() + kMetric).set_diagonal(variances);
}

Transition RandomWalkMetropolis::step(Step& step) const {
  Chain& chain = *step.chain;
  Metric metric(settings_.proposal, dim(), chain.state.data() + kMetric);
  const double scale = std::exp(chain.state[kLogScale]);
  double* proposal = step.scratch;
  double* z = step.scratch + padded(dim());
  step.normals(Purpose::chain_proposal, 0, dim(), z);
  metric.spread(z, z);
  for (Index d = 0; d < dim(); ++d) proposal[d] = chain.position[static_cast<std::size_t>(d)] + scale * z[d];
  const double value = co_await step.value(proposal);
  const bool finite = std::isfinite(value);
  double log_ratio = value - chain.log_density;
  if (settings_.flaw == Flaw::accept_sign) log_ratio = -log_ratio;
  if (settings_.flaw == Flaw::never_rejects) log_ratio = 0;
  const double acceptance = finite ? std::min(1.0, std::exp(log_ratio)) : 0;
  const bool accepted = step.uniform(Purpose::chain_accept) < acceptance;
  if (accepted) {
    std::copy_n(proposal, dim(), chain.position.begin());
    chain.log_density = value;
  }
  step.statistics[0] = acceptance;
  step.statistics[1] = accepted ? 1 : 0;
  step.statistics[2] = scale;
  if (!step.adapting()) co_return;
  double& count = chain.state[kCount];
  chain.state[kLogScale] += std::pow(1 + count, -0.6) * (acceptance - settings_.target_acceptance);
  count += 1;
  if (metric.learn(step.iteration(), step.run.warmup, chain.position.data())) {
    chain.state[kLogScale] = std::log(2.38 / std::sqrt(static_cast<double>(dim())));
    count = 0;
  }
}

Entry random_walk_metropolis_entry() {
  Entry entry;
  entry.name = "random_walk_metropolis";
  entry.summary = "Metropolis with normal proposals about the chain, their scale and covariance learned during warm-up";
  entry.source = "Metropolis et al. 1953; Haario, Saksman, Tamminen 2001, Bernoulli 7(2); Andrieu and Thoms 2008, algorithm 4";
  entry.capabilities = {.gradient = false, .adapts = true, .independent = true};
  entry.parameters = {{"step_size", "scale of the proposal at the start; 0: 2.38 / sqrt(dim)", 0},
                      {"target_acceptance", "acceptance that warm-up aims at; 0: 0.44 in one dimension, 0.234 in more", 0}};
  entry.words = {metric_word("proposal", "covariance of the proposal: one scale, a diagonal, or dense", "diagonal")};
  entry.make = [](const Arguments& arguments, const models::Model& model) {
    return std::make_unique<RandomWalkMetropolis>(
        model.dim(), RandomWalkSettings{metric_kind(arguments.word("proposal")), number_within(arguments, "step_size", 0, 1e10),
                                        number_within(arguments, "target_acceptance", 0, 0.99)});
  };
  entry.smoke = {{"scalar", {{"step_size", 1.0}}, {{"proposal", "unit"}}},
                 {"diagonal", {{"step_size", 0.7}}, {{"proposal", "diagonal"}}},
                 {"dense", {{"step_size", 1.2}}, {{"proposal", "dense"}}}};
  return entry;
}

}  // namespace variscope::samplers
