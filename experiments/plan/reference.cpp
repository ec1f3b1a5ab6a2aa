/// Moments from the spec and from other runs.
#include "experiments/plan/reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "engine/approximations/grid_moments.hpp"
#include "engine/error.hpp"
#include "engine/store/run_file.hpp"
#include "experiments/spec/resolve.hpp"

namespace variscope::experiments {

namespace {

constexpr double kReliableShape = 0.7;  ///< Vehtari et al. 2024

/// Largest k-hat of an estimator's fits; infinite if one diverged or is not known.
double worst_shape(const FitCellRecord& cell, std::size_t estimator) {
  double worst = -std::numeric_limits<double>::infinity();
  for (Index r = 0; r < cell.repeats; ++r) {
    const FitRecord& fit = cell.fit(estimator, r);
    if (fit.status == FitStatus::diverged || !std::isfinite(fit.k_hat)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, fit.k_hat);
  }
  return worst;
}

/// Of all scalars, from the sampler whose means have the least errors in units of the sds, the worst scalar of each counting.
FitTarget moments_of_chains(const std::string& at, const Settings& settings, const std::vector<std::string>& names,
                            const store::RunRecord& run) {
  constexpr std::size_t kMean = place_of(scalar_figures, "mean");
  constexpr std::size_t kMeanError = place_of(scalar_figures, "mean_error");
  constexpr std::size_t kSd = place_of(scalar_figures, "sd");
  constexpr std::size_t kSdError = place_of(scalar_figures, "sd_error");
  constexpr double kLargestRhat = 1.01;  // Vehtari et al. 2021
  const ChainCellRecord* best = nullptr;
  const ChainsRecord* of_best = nullptr;
  double least = std::numeric_limits<double>::infinity();
  bool same = false;
  for (const ChainCellRecord& cell : run.chains) {
    if (cell.model != settings.model.name || cell.scalar_names != names) continue;
    same = true;
    for (const ChainsRecord& chains : cell.samplers) {
      double worst = 0;
      for (std::size_t v = 0; v < names.size(); ++v) {
        const double bulk = chains.scalar(v, place_of(scalar_figures, "rhat_bulk"));
        const double folded = chains.scalar(v, place_of(scalar_figures, "rhat_folded"));
        const bool mixed = bulk <= kLargestRhat && folded <= kLargestRhat;
        const double error = chains.scalar(v, kMeanError) / chains.scalar(v, kSd);
        worst = mixed && std::isfinite(error) ? std::max(worst, error) : std::numeric_limits<double>::infinity();
        if (!std::isfinite(worst)) break;
      }
      for (Index c = 0; c < cell.chains; ++c) {
        if (chains.chain(static_cast<std::size_t>(c), place_of(chain_figures, "failed")) != 0)
          worst = std::numeric_limits<double>::infinity();
      }
      if (!(worst < least)) continue;
      least = worst;
      best = &cell;
      of_best = &chains;
    }
  }
  if (best == nullptr) {
    throw UserError(
        fmt::format("{}: reference.run = \"{}\" has no moments for model {} ({}). Name a run of the same model whose chains have mixed.",
                    at, settings.reference.run, settings.model.name,
                    same ? "of every sampler a chain failed, or R-hat is above 1.01" : "no chains with all of its variables"));
  }
  FitTarget target;
  for (std::size_t v = 0; v < names.size(); ++v) {
    target.mean.push_back(of_best->scalar(v, kMean));
    target.sd.push_back(of_best->scalar(v, kSd));
    target.mean_error.push_back(of_best->scalar(v, kMeanError));
    target.sd_error.push_back(of_best->scalar(v, kSdError));
  }
  target.moments = fmt::format("{} of {} in run '{}' (results {:.12}), {} chains of {} draws", of_best->sampler, best->id,
                               run.provenance.contains("study") ? run.provenance.at("study") : settings.reference.run, run.results_hash,
                               best->chains, best->stored);
  return target;
}

FitTarget moments_of_run(const Spec& spec, const Settings& settings, const models::Model& model) {
  const std::string at = spec.where("reference.run");
  std::filesystem::path file = std::filesystem::path(spec_directory(spec.file)) / settings.reference.run;
  if (std::filesystem::is_directory(file)) file /= "run.h5";
  store::RunRecord run;
  try {
    run = store::read_run_file(file);
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: reference.run: {}", at, error.what()));
  }
  const std::vector<std::string> names = element_names(model);
  if (!run.chains.empty()) return moments_of_chains(at, settings, names, run);
  const FitCellRecord* best = nullptr;
  std::size_t of_best = 0;
  double shape = kReliableShape;
  bool same = false;
  for (const FitCellRecord& cell : run.fits) {
    if (cell.model != settings.model.name || cell.variable_names != names) continue;
    same = true;
    for (std::size_t e = 0; e < cell.estimators.size(); ++e) {
      const double worst = worst_shape(cell, e);
      if (!(worst < shape)) continue;
      shape = worst;
      best = &cell;
      of_best = e;
    }
  }
  if (best == nullptr) {
    throw UserError(fmt::format(
        "{}: reference.run = \"{}\" has no moments for model {} ({}). Name a run of fits of the same model.", at, settings.reference.run,
        settings.model.name,
        same ? "the importance weights of none of its estimators can be relied on: k-hat is 0.7 or more" : "no fits of its variables"));
  }
  FitTarget target;
  const std::size_t size = names.size();
  const auto repeats = static_cast<double>(best->repeats);
  for (std::vector<double>* values : {&target.mean, &target.sd, &target.mean_error, &target.sd_error}) values->assign(size, 0.0);
  for (Index r = 0; r < best->repeats; ++r) {
    // Repeats have draws of their own; estimators of one repeat share theirs, which is why one alone is taken.
    const FitRecord& fit = best->fit(of_best, r);
    for (std::size_t v = 0; v < size; ++v) {
      const double square = fit.weighted_sd[v] * fit.weighted_sd[v] / fit.effective_draws;
      target.mean[v] += fit.weighted_mean[v] / repeats;
      target.sd[v] += fit.weighted_sd[v] / repeats;
      target.mean_error[v] += square / repeats / repeats;
      target.sd_error[v] += square / 2 / repeats / repeats;
    }
  }
  for (std::vector<double>* values : {&target.mean_error, &target.sd_error}) {
    for (double& value : *values) value = std::sqrt(value);
  }
  target.moments =
      fmt::format("{} of {} in run '{}' (results {:.12}), importance-weighted, {} fits", best->estimators[of_best], best->id,
                  run.provenance.contains("study") ? run.provenance.at("study") : settings.reference.run, run.results_hash, best->repeats);
  return target;
}

}  // namespace

std::vector<std::string> element_names(const models::Model& model) {
  std::vector<std::string> names;
  for (const models::Variable& variable : model.variables()) {
    for (Index k = 0; k < variable.size(); ++k) {
      std::string place;
      Index rest = k;
      for (std::size_t axis = variable.shape.size(); axis-- > 0;) {
        place = fmt::format("{}{}{}", rest % variable.shape[axis], place.empty() ? "" : ",", place);
        rest /= variable.shape[axis];
      }
      names.push_back(place.empty() ? variable.name : fmt::format("{}[{}]", variable.name, place));
    }
  }
  return names;
}

FitTarget known_moments(const Spec& spec, const Settings& settings, const models::Model& model) {
  const auto& given = settings.reference;
  if (given.quadrature && model.dim() > approximations::kMostGridDim) {
    throw UserError(
        fmt::format("{}: reference.quadrature = true (the model has {} coordinates, and a grid over more than {} is too large). "
                    "Give reference.mean, or reference.run.",
                    spec.where("reference.quadrature"), model.dim(), approximations::kMostGridDim));
  }
  if (!given.run.empty()) return moments_of_run(spec, settings, model);
  FitTarget target;
  const auto size = static_cast<Index>(given.mean.size());
  if (size != 0 && size != model.constrained_dim()) {
    throw UserError(fmt::format("{}: reference.mean has {} values (the model's variables have {}). Give as many.",
                                spec.where("reference.mean"), size, model.constrained_dim()));
  }
  target.mean = given.mean;
  target.sd = given.sd;
  target.mean_error = given.mean_error.empty() ? std::vector<double>(given.mean.size(), 0.0) : given.mean_error;
  target.sd_error = given.sd_error.empty() ? std::vector<double>(given.sd.size(), 0.0) : given.sd_error;
  return target;
}

}  // namespace variscope::experiments
