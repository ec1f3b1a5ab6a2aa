/// The best fit's family made again, and drawn from.
#include "experiments/plan/starts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "engine/error.hpp"
#include "engine/random/stream.hpp"
#include "engine/store/run_file.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/plan/reference.hpp"
#include "experiments/spec/resolve.hpp"

namespace variscope::experiments {

namespace {

struct Best {
  const FitCellRecord* cell = nullptr;
  std::vector<double> lambda;
  double objective = -std::numeric_limits<double>::infinity();
};

bool is_gaussian(const std::string& family) {
  return family == "mean_field_gaussian" || family == "full_rank_gaussian" || family == "low_rank_gaussian";
}

/// Draws of q before modes, the larger objective before the smaller.
void consider(const FitCellRecord& cell, const FitRecord& fit, Best& best) {
  if (fit.status == FitStatus::diverged) return;
  const bool mode = cell.method == "map";
  if (!mode && !(cell.has_bound() && is_gaussian(cell.family))) return;
  const double objective = fit.objective.back();
  const bool only_mode = best.cell != nullptr && best.cell->method == "map";
  const bool first = best.cell == nullptr || (only_mode && !mode);
  if (!first && ((mode && !only_mode) || !(objective > best.objective))) return;
  const std::size_t size = cell.parameter_names.size();
  best = {&cell, {fit.lambda.end() - static_cast<std::ptrdiff_t>(size), fit.lambda.end()}, objective};
}

Index rank_of(const FitCellRecord& cell) {
  for (const auto& [key, value] : cell.settings) {
    if (key == "family.rank") return std::strtoll(value.c_str(), nullptr, 10);
  }
  return Settings{}.family.rank;
}

}  // namespace

std::vector<double> starts_of_run(const Spec& spec, const Settings& settings, const models::Model& model) {
  const std::string at = spec.where("sampler.init_run");
  std::filesystem::path file = std::filesystem::path(spec_directory(spec.file)) / settings.sampler.init_run;
  if (std::filesystem::is_directory(file)) file /= "run.h5";
  store::RunRecord run;
  try {
    run = store::read_run_file(file);
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: sampler.init_run: {}", at, error.what()));
  }
  Best best;
  const std::vector<std::string> names = element_names(model);
  for (const FitCellRecord& cell : run.fits) {
    if (cell.model != settings.model.name || cell.variable_names != names) continue;
    for (const FitRecord& fit : cell.fits) consider(cell, fit, best);
  }
  if (best.cell == nullptr) {
    throw UserError(
        fmt::format("{}: sampler.init_run = \"{}\" has no start for model {} (of its variables there is no Gaussian fit, and no mode, that "
                    "did not diverge). Name a run of fits of the same model.",
                    at, settings.sampler.init_run, settings.model.name));
  }
  if (best.cell->method == "map") return best.lambda;
  Settings of_fit;
  of_fit.family.name = best.cell->family;
  of_fit.family.rank = rank_of(*best.cell);
  const Index dim = model.dim();
  const auto family = make_family(of_fit, dim, best.lambda);
  const Index starts = settings.sampler.chains / settings.sampler.chains_per_start;
  std::vector<random::Stream> streams;
  for (Index k = 0; k < (starts + tiles::kLanes - 1) / tiles::kLanes * tiles::kLanes; ++k)
    streams.push_back({settings.study.seed, random::Purpose::chain_start, static_cast<std::uint32_t>(k), 0, 0});
  tiles::Batch noise(family->noise().rows(), starts);
  tiles::Batch z(dim, starts);
  random::fill_normal(streams.data(), noise.view());
  family->sample(noise.view(), z.view());
  std::vector<double> given;
  for (Index k = 0; k < starts; ++k) {
    for (Index d = 0; d < dim; ++d) given.push_back(z(d, k));
  }
  return given;
}

}  // namespace variscope::experiments
