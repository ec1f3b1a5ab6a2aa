/// The optimum by L-BFGS on the exact objective; moments from the plan or by quadrature.
#include "experiments/run/fit_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/approximations/grid_moments.hpp"
#include "engine/error.hpp"
#include "engine/optimizers/lbfgs.hpp"
#include "experiments/run/expectation.hpp"
#include "experiments/run/team_density.hpp"

namespace variscope::experiments {

FitTarget find_target(const PathPlan& path, const models::Model& model, const DataPlan* data, bool exact, const cluster::Team& whole,
                      cluster::Reduce reduce, int threads, Work& work) {
  const Settings& s = path.settings;
  FitTarget target = path.moments;
  if (s.reference.quadrature) {
    TeamDensity team(model, data, whole, reduce, threads, work);
    const models::Counts before = work.counts;
    const approximations::Density density = team.density();
    std::vector<double> start;
    for (Index d = 0; d < path.dim; ++d)
      start.push_back(s.family.initial_mean[s.family.initial_mean.size() == 1 ? 0 : static_cast<std::size_t>(d)]);
    const auto found = approximations::grid_moments(
        density, [&](tiles::ConstBatchView theta, tiles::BatchView out) { model.constrain(theta, out); }, model.constrained_dim(),
        std::move(start));
    // A reference is no part of the plan's evaluations.
    work.counts = before;
    if (!found.trouble.empty()) {
      throw UserError(fmt::format("reference.quadrature: {} ({}). Give reference.mean instead, or none.", s.model.name, found.trouble));
    }
    target.mean = found.mean;
    target.sd = found.sd;
    target.mean_error = found.mean_error;
    if (model.constrained_dim() <= kMostCorrelated) target.correlation = found.correlation;
    target.sd_error = found.sd_error;
    target.moments = fmt::format("quadrature, {} points", found.points);
  }
  if (!exact) return target;
  const auto expectation = [&](std::span<const double> lambda) {
    return exact_expectation(model, data, objective_of(s), *make_family(s, path.dim, lambda), whole, threads, work);
  };
  const optimizers::Objective objective = [&](std::span<const double> lambda, std::span<double> gradient) {
    const auto e = expectation(lambda);
    std::copy(e.gradient.begin(), e.gradient.end(), gradient.begin());
    return e.value;
  };
  const optimizers::Maximum maximum = optimizers::maximise(objective, initial_lambda(s, path.dim));
  const auto e = expectation(maximum.lambda);
  target.lambda = maximum.lambda;
  target.objective = e.value;
  target.objective_error = e.value_error;
  double square = 0;
  for (const double g : e.gradient) square += g * g;
  target.gradient_norm = std::sqrt(square);
  const bool states = make_family(s, path.dim, maximum.lambda)->states() > 0;
  target.method = states ? "all states" : data == nullptr ? "closed form" : "quadrature";
  return target;
}

}  // namespace variscope::experiments
