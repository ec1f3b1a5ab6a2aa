/// Cells of a run file by their settings.
#include "experiments/run/fits_before.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "engine/error.hpp"
#include "experiments/spec/resolve.hpp"

namespace variscope::experiments {

namespace {

/// Settings that no step of a fit depends on. A record that lacks steps which another grid has is noticed when it is taken up.
bool is_free(std::string_view key) {
  constexpr std::array<std::string_view, 12> kFree = {
      "study.name",          "study.description", "output.",     "limits.",         "reference.",
      "predictive.",         "fit.steps",         "fit.repeats", "fit.trace_every", "fit.budget_evaluations",
      "fit.posterior_draws", "fit.tolerance"};
  return key == "estimators.names" || std::any_of(kFree.begin(), kFree.end(), [&](std::string_view free) {
           return key == free || (free.ends_with('.') && key.starts_with(free));
         });
}

std::string key_of(const std::vector<std::pair<std::string, std::string>>& settings) {
  std::string key;
  for (const auto& [name, value] : settings) {
    if (!is_free(name)) key += name + "=" + value + "\n";
  }
  return key;
}

}  // namespace

FitsBefore::FitsBefore(const std::string& run) {
  std::filesystem::path file = run;
  if (std::filesystem::is_directory(file)) file /= "run.h5";
  run_ = store::read_run_file(file);
  name_ = fmt::format("{}, results hash {}", file.string(), run_.results_hash);
  const bool any = std::any_of(run_.fits.begin(), run_.fits.end(), [](const FitCellRecord& cell) {
    return std::any_of(cell.fits.begin(), cell.fits.end(), [](const FitRecord& fit) { return fit.state.exists(); });
  });
  if (any) return;
  throw UserError(
      fmt::format("{}: holds no fit that can be continued ({}). Run the study again with more steps.", file.string(),
                  run_.fits.empty() ? "it is no study of fits" : "searches by L-BFGS are made anew, and older files have no states"));
}

FitBefore FitsBefore::find(const CellPlan& cell, std::size_t estimator, Index repeat) const {
  if (!given()) return {};
  const std::string key = key_of(to_pairs(cell.settings));
  for (const FitCellRecord& before : run_.fits) {
    if (key_of(before.settings) != key || repeat >= before.repeats) continue;
    const auto found = std::find(before.estimators.begin(), before.estimators.end(), cell.estimators[estimator]);
    if (found == before.estimators.end()) continue;
    const FitRecord& fit = before.fit(static_cast<std::size_t>(found - before.estimators.begin()), repeat);
    if (fit.state.exists()) return {&before.trace, &fit};
  }
  return {};
}

void FitsBefore::check(const Plan& plan) const {
  if (!given()) return;
  for (const FitItem& item : plan.fits) {
    const CellPlan& cell = plan.cells[static_cast<std::size_t>(item.cell)];
    if (find(cell, static_cast<std::size_t>(item.estimator), item.repeat).fit != nullptr) return;
  }
  throw UserError(
      fmt::format("{}: none of the fits of {} can be continued from there (settings other than their length differ). Run it without "
                  "--continue.",
                  name_, plan.spec.file));
}

}  // namespace variscope::experiments
