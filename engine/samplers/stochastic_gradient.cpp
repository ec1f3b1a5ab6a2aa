/// Dynamics driven by minibatches.
#include "engine/samplers/stochastic_gradient.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/error.hpp"
#include "engine/samplers/arguments.hpp"
#include "engine/samplers/climb.hpp"
#include "engine/samplers/metric.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

/// Gradients of all rows on the way to a mode, at most.
constexpr Index kMostOfClimb = 1000;

// Chain::state: friction of the thermostat, log density at the anchor; then momentum, anchor, gradient at the anchor, of dim entries each.
constexpr Index kThermostat = 0;
constexpr Index kAnchorValue = 1;
constexpr Index kVectors = 2;

double* vector(Chain& chain, Index k) { return chain.state.data() + kVectors + k * static_cast<Index>(chain.position.size()); }
double* momentum(Chain& chain) { return vector(chain, 0); }
double* anchor(Chain& chain) { return vector(chain, 1); }
double* anchor_gradient(Chain& chain) { return vector(chain, 2); }

}  // namespace

std::vector<Statistic> StochasticGradient::statistics() const {
  std::vector<Statistic> all = {{"n_grad_rows", "gradients of single rows that minibatches took", StatisticKind::count},
                                {"step_size", "h", StatisticKind::real}};
  if (settings_.dynamics != Dynamics::langevin)
    all.push_back({"temperature", "mean square of the momentum's entries: 1 where noise and friction balance", StatisticKind::real});
  if (settings_.dynamics == Dynamics::nose_hoover)
    all.push_back({"friction", "of the thermostat, behind the iteration", StatisticKind::real});
  return all;
}

Index StochasticGradient::state_size() const { return kVectors + 3 * dim(); }

void StochasticGradient::start(const Run&, Chain& chain) const { chain.state[kThermostat] = settings_.friction; }

Index StochasticGradient::scratch_size() const {
  return 2 * padded(dim()) + (settings_.control == RowControl::mode ? climb_scratch(dim()) : 0);
}

Transition StochasticGradient::drop_anchor(Step& step) const {
  Chain& chain = *step.chain;
  const auto n = static_cast<std::size_t>(dim());
  if (settings_.control == RowControl::mode) {
    Summit summit{chain.position.data(), chain.gradient.data(), chain.log_density};
    co_await climb(step, dim(), summit, step.scratch + 2 * padded(dim()), kMostOfClimb);
    chain.log_density = summit.value;
  } else if (step.iteration() > 0) {
    chain.log_density = co_await step.gradient(chain.position.data(), chain.gradient.data());
  }
  std::copy_n(chain.position.begin(), n, anchor(chain));
  std::copy_n(chain.gradient.begin(), n, anchor_gradient(chain));
  chain.state[kAnchorValue] = chain.log_density;
}

void StochasticGradient::move(Step& step) const {
  Chain& chain = *step.chain;
  const Index n = dim();
  const double h = settings_.step_size;
  double* x = chain.position.data();
  double* z = step.scratch;
  const double flawed = settings_.flaw == Flaw::half_step_missing ? 0.5 : 1;
  step.normals(Purpose::chain_proposal, 0, n, z);
  if (settings_.dynamics == Dynamics::langevin) {
    const double noise = std::sqrt(flawed * h);
    for (Index d = 0; d < n; ++d) x[d] += 0.5 * h * chain.gradient[static_cast<std::size_t>(d)] + noise * z[d];
    return;
  }
  double* p = momentum(chain);
  const double keep = 1 - h * chain.state[kThermostat];
  const double noise = std::sqrt(flawed * 2 * settings_.friction * h);
  for (Index d = 0; d < n; ++d) {
    p[d] = keep * p[d] + h * chain.gradient[static_cast<std::size_t>(d)] + noise * z[d];
    x[d] += h * p[d];
  }
  const double temperature = dot(p, p, n) / static_cast<double>(n);
  step.statistics[2] = temperature;
  if (settings_.dynamics == Dynamics::hamiltonian) return;
  chain.state[kThermostat] += h * (temperature - 1);
  step.statistics[3] = chain.state[kThermostat];
}

Transition StochasticGradient::step(Step& step) const {
  Chain& chain = *step.chain;
  const Index n = dim();
  if (step.iteration() == 0 && settings_.dynamics != Dynamics::langevin) {
    step.normals(Purpose::chain_momentum, 0, n, step.scratch);
    std::copy_n(step.scratch, n, momentum(chain));
  }
  const bool due = settings_.control == RowControl::mode ? step.iteration() == 0 : step.iteration() % settings_.refresh == 0;
  if (settings_.control != RowControl::none && due) co_await drop_anchor(step);
  move(step);
  std::array<Query, 2> queries = {Query{chain.position.data(), chain.gradient.data()}, Query{anchor(chain), step.scratch + padded(n)}};
  const bool anchored = settings_.control != RowControl::none;
  co_await step.query_rows(std::span<Query>(queries).first(anchored ? 2 : 1), settings_.batch_rows);
  chain.log_density = queries[0].value;
  if (anchored) {
    const double known = settings_.flaw == Flaw::no_correction ? 0 : 1;
    chain.log_density += chain.state[kAnchorValue] - queries[1].value;
    for (Index d = 0; d < n; ++d) chain.gradient[static_cast<std::size_t>(d)] += known * anchor_gradient(chain)[d] - queries[1].gradient[d];
  }
  step.statistics[0] = static_cast<double>(step.rows());
  step.statistics[1] = settings_.step_size;
}

namespace {

RowControl control_of(const std::string& word) {
  return word == "mode" ? RowControl::mode : word == "snapshot" ? RowControl::snapshot : RowControl::none;
}

Entry entry_of(Dynamics dynamics) {
  Entry entry;
  entry.capabilities = {.gradient = true, .exact = false, .independent = true};
  const bool second_order = dynamics != Dynamics::langevin;
  entry.parameters = {{"step_size", second_order ? "h; 0: 0.3 / sqrt(rows)" : "h; 0: 0.1 / rows", 0},
                      {"batch_rows", "rows of a minibatch; 0: a tenth of them", 0},
                      {"refresh", "iterations between snapshots, where control is 'snapshot'", 100}};
  if (second_order) entry.parameters.push_back({"friction", "a: momenta forget at rate a; 0: 0.1 / h", 0});
  entry.words = {
      {"control",
       "control variate of the minibatch's gradient: none; at the mode, which the chain finds first; or at a snapshot of the chain",
       "none",
       {"none", "mode", "snapshot"}}};
  entry.reason_against = [](const models::Model& model) {
    return std::string(model.rows() == 0 ? "it has no data rows to draw minibatches from" : "");
  };
  entry.make = [dynamics, second_order](const Arguments& arguments, const models::Model& model) {
    StochasticGradientSettings settings;
    settings.dynamics = dynamics;
    settings.control = control_of(arguments.word("control"));
    const Index rows = std::max(Index{1}, model.rows());
    settings.batch_rows = whole_number(arguments, "batch_rows", 0, rows);
    if (settings.batch_rows == 0) settings.batch_rows = std::max(Index{1}, rows / 10);
    settings.refresh = whole_number(arguments, "refresh", 1, Index{1} << 40);
    settings.step_size = number_within(arguments, "step_size", 0, 1e10);
    const auto all = static_cast<double>(rows);
    if (settings.step_size == 0) settings.step_size = second_order ? 0.3 / std::sqrt(all) : 0.1 / all;
    if (second_order) {
      settings.friction = number_within(arguments, "friction", 0, 1e15);
      if (settings.friction == 0) settings.friction = 0.1 / settings.step_size;
      if (settings.friction * settings.step_size > 1)
        throw UserError(fmt::format("sampler.friction: {} is too much for steps of {} (momenta would turn about). Give at most {}.",
                                    settings.friction, settings.step_size, 1 / settings.step_size));
    }
    return std::make_unique<StochasticGradient>(model.dim(), settings);
  };
  entry.smoke = {{"plain", {{"batch_rows", 1}}, {}},
                 {"mode", {{"batch_rows", 1}}, {{"control", "mode"}}},
                 {"snapshot", {{"batch_rows", 1}, {"refresh", 7}}, {{"control", "snapshot"}}}};
  return entry;
}

}  // namespace

Entry sgld_entry() {
  Entry entry = entry_of(Dynamics::langevin);
  entry.name = "sgld";
  entry.summary = "stochastic gradient Langevin dynamics: minibatches, no correction, biased by the step and the batch";
  entry.source = "Welling and Teh 2011, ICML; control: Baker et al. 2019 (mode), Dubey et al. 2016 (snapshot)";
  return entry;
}

Entry sghmc_entry() {
  Entry entry = entry_of(Dynamics::hamiltonian);
  entry.name = "sghmc";
  entry.summary = "stochastic gradient Hamiltonian Monte Carlo with friction: minibatches, no correction, biased";
  entry.source = "Chen, Fox, Guestrin 2014, ICML, equation 15; control: Baker et al. 2019 (mode), Dubey et al. 2016 (snapshot)";
  return entry;
}

Entry sgnht_entry() {
  Entry entry = entry_of(Dynamics::nose_hoover);
  entry.name = "sgnht";
  entry.summary = "stochastic gradient Nose-Hoover thermostat: friction that learns the noise of the minibatches; no correction, biased";
  entry.source = "Ding et al. 2014, NeurIPS, algorithm 2; control: Baker et al. 2019 (mode), Dubey et al. 2016 (snapshot)";
  return entry;
}

}  // namespace variscope::samplers
