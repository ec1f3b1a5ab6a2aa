/// L-BFGS, and draws of what it passed on its way.
#include "experiments/run/sample_starts.hpp"

#include <fmt/format.h>

#include <cmath>

#include "engine/approximations/pathfinder.hpp"
#include "engine/error.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::experiments {

namespace {

/// Draws of starts are kept apart from those of fits (at most 256 repeats, and as many of their ELBOs).
constexpr std::uint32_t kStartTask = 1024;

}  // namespace

std::vector<double> found_starts(const Settings& settings, const approximations::Density& density) {
  std::vector<double> origin(static_cast<std::size_t>(density.dim), 0.0);
  if (settings.sampler.init == "map") {
    const auto mode = optimizers::maximise(approximations::objective_of(density), std::move(origin));
    if (!std::isfinite(mode.value))
      throw UserError(fmt::format("sampler.init = \"map\": the search from 0 found no mode ({}). Use \"uniform\".", mode.status));
    return mode.lambda;
  }
  approximations::PathfinderSettings how;
  how.seed = settings.study.seed;
  how.task = kStartTask;
  const auto found = approximations::pathfinder(density, std::move(origin), how);
  if (!found.trouble.empty() || !found.covariance)
    throw UserError(fmt::format("sampler.init = \"pathfinder\": no approximation ({}). Use \"uniform\".", found.trouble));
  const Index starts = settings.sampler.chains / settings.sampler.chains_per_start;
  tiles::Batch theta(density.dim, starts);
  std::vector<double> unused(static_cast<std::size_t>(starts));
  found.draw(how, 0, theta, unused);
  std::vector<double> given;
  for (Index k = 0; k < starts; ++k) {
    for (Index d = 0; d < density.dim; ++d) given.push_back(theta(d, k));
  }
  return given;
}

}  // namespace variscope::experiments
