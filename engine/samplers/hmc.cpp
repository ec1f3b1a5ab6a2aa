/// Hamiltonian Monte Carlo with a fixed number of steps.
#include "engine/samplers/hmc.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/samplers/arguments.hpp"
#include "engine/samplers/leapfrog.hpp"

namespace variscope::samplers {

using random::Purpose;

std::vector<Statistic> Hmc::statistics() const {
  return {{"acceptance_rate", "probability with which the end of the trajectory is accepted", StatisticKind::real},
          {"accepted", "whether it was", StatisticKind::boolean},
          {"step_size", "step size of the iteration", StatisticKind::real},
          {"n_steps", "leapfrog steps", StatisticKind::count},
          {"energy", "Hamiltonian of the draw with the momentum it was reached with", StatisticKind::real},
          {"energy_error", "Hamiltonian at the end of the trajectory minus that at its start", StatisticKind::real},
          {"diverging", "whether the energy error exceeded 1000, or was no number", StatisticKind::boolean}};
}

Transition Hmc::step(Step& step) const {
  Chain& chain = *step.chain;
  if (step_size_is_due(step)) co_await find_step_size(step);
  const Metric sigma = metric(chain);
  const double size = step_size(step);
  Index steps = trajectory_.steps;
  if (trajectory_.time > 0) {
    const double fit = std::floor(trajectory_.time / dual_averaging(chain).step_size());
    steps = static_cast<Index>(std::clamp(fit, 1.0, static_cast<double>(trajectory_.most_steps)));
  }
  const Index n = dim();
  const Index stride = padded(n);
  double* q = step.scratch;
  double* p = q + stride;
  double* g = p + stride;
  double* v = g + stride;
  std::copy_n(chain.position.begin(), n, q);
  std::copy_n(chain.gradient.begin(), n, g);
  step.normals(Purpose::chain_momentum, 0, n, p);
  sigma.momentum(p, p);
  const double start = kinetic_energy(sigma, p, n, v) - chain.log_density;
  double value = 0;
  Index taken = 0;
  while (taken < steps) {
    kick_and_drift(sigma, size, g, n, q, p, v);
    value = co_await step.gradient(q, g);
    ++taken;
    if (!std::isfinite(value)) break;
    if (settings().flaw != Flaw::half_step_missing || taken < steps) kick(0.5 * size, g, n, p);
  }
  double error = std::numeric_limits<double>::infinity();
  if (std::isfinite(value)) error = kinetic_energy(sigma, p, n, v) - value - start;
  if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
  const auto [acceptance, accepted] = decide(step, q, value, g, -error);
  const double values[] = {acceptance, accepted ? 1.0 : 0.0,           size, static_cast<double>(taken), accepted ? start + error : start,
                           error,      error > kDivergence ? 1.0 : 0.0};
  std::copy(std::begin(values), std::end(values), step.statistics.begin());
  if (step.adapting()) warm_up(step, acceptance);
}

Entry hmc_entry() {
  Entry entry;
  entry.name = "hmc";
  entry.summary = "Hamiltonian Monte Carlo: leapfrog trajectories of a fixed number of steps, or a fixed time";
  entry.source = "Duane et al. 1987; Neal 2011 (Handbook of MCMC, chapter 5); warm-up: Stan 2.32";
  entry.capabilities = {.gradient = true, .adapts = true, .independent = true};
  entry.parameters = gradient_parameters({.jitter = 0.2});
  entry.parameters.push_back({"steps", "leapfrog steps of a trajectory", 10});
  entry.parameters.push_back({"time", "integration time instead of steps; 0: steps", 0});
  entry.parameters.push_back({"most_steps", "of a trajectory of a given time", 1024});
  entry.words = gradient_words();
  entry.make = [](const Arguments& arguments, const models::Model& model) {
    const TrajectorySettings trajectory{whole_number(arguments, "steps", 1, 1 << 20), number_within(arguments, "time", 0, 1e10),
                                        whole_number(arguments, "most_steps", 1, 1 << 20)};
    return std::make_unique<Hmc>(model.dim(), gradient_settings(arguments), trajectory);
  };
  entry.smoke = {{"unit", {{"step_size", 0.6}, {"steps", 3}, {"jitter", 0.0}}, {{"metric", "unit"}}},
                 {"diagonal", {{"step_size", 0.4}, {"time", 1.5}}, {{"metric", "diagonal"}}},
                 {"dense", {{"step_size", 0.5}, {"steps", 4}}, {{"metric", "dense"}}}};
  return entry;
}

}  // namespace variscope::samplers
