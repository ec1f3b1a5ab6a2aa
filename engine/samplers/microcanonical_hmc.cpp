/// Microcanonical HMC with a Metropolis step.
#include "engine/samplers/microcanonical_hmc.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "engine/samplers/arguments.hpp"
#include "engine/samplers/hmc.hpp"

namespace variscope::samplers {

namespace {

using random::Purpose;

/// Turns the unit vector u toward the gradient e (both in the metric's coordinates) over a way of `length`. The change of kinetic energy.
double turn(double length, const double* e, Index dim, double* u) {
  const double size = std::sqrt(dot(e, e, dim));
  if (!(size > 0)) return 0;
  const auto free = static_cast<double>(dim - 1);
  const double delta = length * size / free;
  const double zeta = std::exp(-delta);
  const double along = std::clamp(dot(e, u, dim) / size, -1.0, 1.0);
  const double toward = (1 - zeta) * (1 + zeta + along * (1 - zeta)) / size;
  for (Index d = 0; d < dim; ++d) u[d] = toward * e[d] + 2 * zeta * u[d];
  const double norm = std::sqrt(dot(u, u, dim));
  for (Index d = 0; d < dim; ++d) u[d] /= norm;
  return free * (delta - std::numbers::ln2 + std::log(1 + along + (1 - along) * zeta * zeta));
}

}  // namespace

std::vector<Statistic> MicrocanonicalHmc::statistics() const {
  return {{"acceptance_rate", "probability with which the end of the trajectory is accepted", StatisticKind::real},
          {"accepted", "whether it was", StatisticKind::boolean},
          {"step_size", "step size of the iteration, in units of time", StatisticKind::real},
          {"n_steps", "isokinetic leapfrog steps", StatisticKind::count},
          {"energy_error", "change of minus the log density and of the kinetic energy along the trajectory", StatisticKind::real},
          {"diverging", "whether the energy error exceeded 1000, or was no number", StatisticKind::boolean}};
}

Transition MicrocanonicalHmc::step(Step& step) const {
  Chain& chain = *step.chain;
  if (step_size_is_due(step)) co_await find_step_size(step);
  const Metric sigma = metric(chain);
  const Index n = dim();
  const Index stride = padded(n);
  const double size = step_size(step);
  // Another lane than the jitter's.
  const double time = 2 * trajectory_.time * step.uniform(Purpose::chain_length, 0, 1);
  const auto steps = static_cast<Index>(std::clamp(std::ceil(time / size), 1.0, static_cast<double>(trajectory_.most_steps)));
  const double way = size * std::sqrt(static_cast<double>(n));
  double* q = step.scratch;
  double* u = q + stride;
  double* g = u + stride;
  double* v = g + stride;
  std::copy_n(chain.position.begin(), n, q);
  std::copy_n(chain.gradient.begin(), n, g);
  step.normals(Purpose::chain_momentum, 0, n, u);
  const double norm = std::sqrt(dot(u, u, n));
  for (Index d = 0; d < n; ++d) u[d] /= norm;
  double kinetic = 0;
  double value = chain.log_density;
  Index taken = 0;
  // v: the gradient in the metric's coordinates, L' g = L^-1 Sigma g, or the step L u.
  sigma.velocity(g, v);
  sigma.whiten(v, v);
  while (taken < steps) {
    kinetic += turn(0.5 * way, v, n, u);
    sigma.spread(u, v);
    for (Index d = 0; d < n; ++d) q[d] += way * v[d];
    value = co_await step.gradient(q, g);
    ++taken;
    if (!std::isfinite(value)) break;
    sigma.velocity(g, v);
    sigma.whiten(v, v);
    if (settings().flaw != Flaw::half_step_missing || taken < steps) kinetic += turn(0.5 * way, v, n, u);
  }
  double error = std::isfinite(value) ? kinetic - (value - chain.log_density) : std::numeric_limits<double>::infinity();
  if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
  const auto [acceptance, accepted] = decide(step, q, value, g, -error);
  const double values[] = {acceptance, accepted ? 1.0 : 0.0, size, static_cast<double>(taken), error, error > kDivergence ? 1.0 : 0.0};
  std::copy(std::begin(values), std::end(values), step.statistics.begin());
  if (step.adapting()) warm_up(step, acceptance);
}

Entry microcanonical_hmc_entry() {
  Entry entry;
  entry.name = "microcanonical_hmc";
  entry.summary = "trajectories of constant speed turned by the gradient, with a Metropolis step";
  entry.source = "Robnik, Cohn-Gordon, Seljak 2025, arXiv 2503.01707 (MAMS); warm-up: Stan 2.32";
  entry.capabilities = {.gradient = true, .adapts = true, .independent = true};
  entry.parameters = gradient_parameters({});
  entry.parameters.push_back({"time", "mean length of a trajectory over sqrt(dim), in the metric; 0: pi / 2", 0});
  entry.parameters.push_back({"most_steps", "of a trajectory", 1024});
  entry.words = gradient_words();
  entry.reason_against = [](const models::Model& model) {
    return model.dim() >= 2 ? std::string() : std::string("a direction in one dimension cannot turn; the model needs two parameters");
  };
  entry.make = [](const Arguments& arguments, const models::Model& model) {
    MicrocanonicalSettings trajectory;
    if (const double time = number_within(arguments, "time", 0, 1e10); time > 0) trajectory.time = time;
    trajectory.most_steps = whole_number(arguments, "most_steps", 1, 1 << 20);
    return std::make_unique<MicrocanonicalHmc>(model.dim(), gradient_settings(arguments), trajectory);
  };
  entry.smoke = {{"unit", {{"step_size", 0.5}, {"time", 1.0}}, {{"metric", "unit"}}},
                 {"diagonal", {{"step_size", 0.4}}, {{"metric", "diagonal"}}},
                 {"dense", {{"step_size", 0.5}, {"jitter", 0.2}}, {{"metric", "dense"}}}};
  return entry;
}

}  // namespace variscope::samplers
