/// Annealed importance sampling.
#include "engine/samplers/annealed_importance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "engine/samplers/arguments.hpp"
#include "engine/samplers/dual_averaging.hpp"
#include "engine/samplers/metric.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Where the run stands: its point, the gradient and the logs there.
struct Place {
  double* x;
  double* g;
  double value = 0;
  double log_prior = 0;
  [[nodiscard]] double log_likelihood() const { return value - log_prior; }
  [[nodiscard]] double at(double beta) const { return log_prior + beta * log_likelihood(); }
};

}  // namespace

AnnealedImportance::AnnealedImportance(const models::GaussianPrior& prior, const AnnealingSettings& settings)
    : Sampler(static_cast<Index>(prior.mean.size())), prior_(prior), settings_(settings) {
  for (const double sd : prior.sd) constant_ -= 0.5 * std::log(2 * std::numbers::pi) + std::log(sd);
}

std::vector<Statistic> AnnealedImportance::statistics() const {
  return {{"log_weight", "log of the draw's importance weight; the mean of the weights is the evidence", StatisticKind::real},
          {"acceptance_rate", "mean acceptance over the temperatures", StatisticKind::real}};
}

Index AnnealedImportance::state_size() const { return (settings_.temperatures - 1) * DualAveraging::kSize; }

void AnnealedImportance::start(const Run&, Chain& chain) const {
  for (Index k = 1; k < settings_.temperatures; ++k)
    DualAveraging(chain.state.data() + (k - 1) * DualAveraging::kSize).restart(settings_.step_size);
}

double AnnealedImportance::beta(Index k) const {
  return std::pow(static_cast<double>(k) / static_cast<double>(settings_.temperatures), settings_.power);
}

double AnnealedImportance::log_prior(const double* x) const {
  double sum = constant_;
  for (std::size_t d = 0; d < prior_.mean.size(); ++d) {
    const double w = (x[d] - prior_.mean[d]) / prior_.sd[d];
    sum -= 0.5 * w * w;
  }
  return sum;
}

Transition AnnealedImportance::step(Step& step) const {
  Chain& chain = *step.chain;
  const Index n = dim();
  const Index stride = padded(n);
  const double* mean = prior_.mean.data();
  const double* sd = prior_.sd.data();
  Place now{step.scratch, step.scratch + stride};
  Place then{step.scratch + 2 * stride, step.scratch + 3 * stride};
  double* p = step.scratch + 4 * stride;
  step.normals(Purpose::chain_proposal, 0, n, now.x);
  for (Index d = 0; d < n; ++d) now.x[d] = mean[d] + sd[d] * now.x[d];
  now.value = co_await step.gradient(now.x, now.g);
  now.log_prior = log_prior(now.x);
  double log_weight = 0;
  double rates = 0;
  double cold = 0;
  for (Index k = 1;; ++k) {
    const double warm = beta(k);
    if (!std::isfinite(now.value)) log_weight = -kInfinity;
    if (settings_.flaw != Flaw::no_correction) log_weight += (warm - cold) * now.log_likelihood();
    if (!(log_weight > -kInfinity)) log_weight = -kInfinity;
    if (k == settings_.temperatures || log_weight == -kInfinity) break;
    // One Hamiltonian move at `warm`, in units of the prior's standard deviations.
    DualAveraging dual(chain.state.data() + (k - 1) * DualAveraging::kSize);
    const double size = dual.step_size();
    const auto kick = [&](const Place& at, double half) {
      for (Index d = 0; d < n; ++d) p[d] += half * (sd[d] * (warm * at.g[d]) - (1 - warm) * ((at.x[d] - mean[d]) / sd[d]));
    };
    step.normals(Purpose::chain_momentum, static_cast<std::uint32_t>(k), n, p);
    const double before = 0.5 * dot(p, p, n) - now.at(warm);
    std::copy_n(now.x, n, then.x);
    kick(now, 0.5 * size);
    double error = kInfinity;
    for (Index taken = 1; taken <= settings_.steps; ++taken) {
      for (Index d = 0; d < n; ++d) then.x[d] += size * (sd[d] * p[d]);
      then.value = co_await step.gradient(then.x, then.g);
      if (!std::isfinite(then.value)) break;
      kick(then, taken < settings_.steps ? size : 0.5 * size);
      if (taken < settings_.steps) continue;
      then.log_prior = log_prior(then.x);
      error = 0.5 * dot(p, p, n) - then.at(warm) - before;
    }
    if (std::isnan(error)) error = kInfinity;
    const double rate = settings_.flaw == Flaw::never_rejects && std::isfinite(error) ? 1.0 : std::min(1.0, std::exp(-error));
    rates += rate;
    if (step.uniform(Purpose::chain_accept, static_cast<std::uint32_t>(k)) < rate) std::swap(now, then);
    if (settings_.flaw == Flaw::no_correction) log_weight += (warm - cold) * now.log_likelihood();
    cold = warm;
    if (!step.adapting() || settings_.target_acceptance == 0) continue;
    dual.learn(rate, settings_.target_acceptance);
    if (step.iteration() + 1 == step.run.warmup) dual.finish();
  }
  if (log_weight > -kInfinity) {
    std::copy_n(now.x, n, chain.position.begin());
    std::copy_n(now.g, n, chain.gradient.begin());
    chain.log_density = now.value;
  }
  step.statistics[0] = log_weight;
  if (settings_.temperatures > 1) step.statistics[1] = rates / static_cast<double>(settings_.temperatures - 1);
}

Entry annealed_importance_entry() {
  Entry entry;
  entry.name = "annealed_importance";
  entry.summary = "independent weighted draws: runs from the prior through tempered posteriors; their mean weight is the evidence";
  entry.source = "Neal 2001, Statistics and Computing 11(2)";
  entry.capabilities = {.gradient = true, .adapts = true, .exact = false, .weighted = true};
  entry.parameters = {{"temperatures", "steps from prior to posterior; 1: importance sampling from the prior", 50},
                      {"power", "temperatures are (k / temperatures)^power", 3},
                      {"steps", "leapfrog steps of the move at each temperature", 3},
                      {"step_size", "in standard deviations of the prior, before warm-up", 0.5},
                      {"target_acceptance", "of every temperature's step size in warm-up; 0: they stay", 0.8}};
  entry.reason_against = [](const models::Model& model) {
    return std::string(model.gaussian_prior() == nullptr ? "its prior is not an independent normal" : "");
  };
  entry.make = [](const Arguments& arguments, const models::Model& model) {
    const AnnealingSettings settings{whole_number(arguments, "temperatures", 1, 100000), number_within(arguments, "power", 0.1, 100),
                                     whole_number(arguments, "steps", 1, 1 << 20), number_within(arguments, "step_size", 1e-12, 1e6),
                                     number_within(arguments, "target_acceptance", 0, 0.9999)};
    return std::make_unique<AnnealedImportance>(*model.gaussian_prior(), settings);
  };
  entry.smoke = {{"ten", {{"temperatures", 10}, {"power", 2}}, {}}, {"prior", {{"temperatures", 1}}, {}}};
  return entry;
}

}  // namespace variscope::samplers
