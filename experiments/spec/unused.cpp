/// Which cells look at a key.
#include "experiments/spec/unused.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "engine/estimators/estimator.hpp"
#include "engine/models/meaning.hpp"
#include "experiments/spec/model_arguments.hpp"
#include "experiments/spec/nearest.hpp"

namespace variscope::experiments::detail {

namespace {

/// A key that cells look at only where `used` says so.
struct Rule {
  const char* key;
  std::function<bool(const Settings&)> used;
  const char* reason;
  const char* suggestion;
};

bool has_minibatches(const Settings& s) { return s.estimators.batch_rows > 0; }
bool has_replicas(const Settings& s) { return s.estimators.replicas > 1; }
bool has_designs(const Settings& s) { return s.components.designs > 0; }
bool predicts(const Settings& s) { return !s.predictive.rows.empty(); }
bool predicts_grid(const Settings& s) {
  const auto& rows = s.predictive.rows;
  return std::find(rows.begin(), rows.end(), "grid") != rows.end();
}
bool keeps_functions(const Settings& s) { return predicts_grid(s) && s.study.kind == "fit"; }
bool has_scales(const Settings& s) { return s.family.name != "bernoulli" && s.family.name != "categorical"; }
bool samples_reference(const Settings& s) { return s.reference.method != "exact"; }
bool has_steps(const Settings& s) { return s.path.steps > 0; }
bool stops_by_size(const Settings& s) { return s.sampler.stop == "ess" || s.sampler.stop == "both"; }
bool stops_by_rhat(const Settings& s) { return s.sampler.stop == "rhat" || s.sampler.stop == "both"; }
bool stops(const Settings& s) { return s.sampler.stop != "never"; }
bool combines(const Settings& s) { return !s.combine.names.empty(); }
bool leans_on_snapshots(const Settings& s) {
  return std::any_of(s.estimators.names.begin(), s.estimators.names.end(), [](const std::string& name) {
    const estimators::Entry* entry = estimators::find(name);
    return entry != nullptr && (entry->snapshot || entry->history);
  });
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = {
      {"estimators.row_policy", has_minibatches, "every estimate uses all rows, or the model has none", "set estimators.batch_rows"},
      {"estimators.noise_policy", has_replicas, "there is one replica", "set estimators.replicas"},
      {"components.row_sets", has_designs, "components.designs is 0", "set components.designs"},
      {"components.noise_sets", has_designs, "components.designs is 0", "set components.designs"},
      {"predictive.covariate", predicts, "no rows are predicted", "set predictive.rows"},
      {"predictive.draws", predicts, "no rows are predicted", "set predictive.rows"},
      {"predictive.kept_rows", predicts, "no rows are predicted", "set predictive.rows"},
      {"predictive.grid_points", predicts_grid, "predictive.rows has no grid", "add \"grid\" to predictive.rows"},
      {"sampler.stop_ess", stops_by_size, "no effective size ends chains", "set sampler.stop to \"ess\""},
      {"sampler.stop_rhat", stops_by_rhat, "no R-hat ends chains", "set sampler.stop to \"rhat\""},
      {"sampler.stop_every", stops, "chains are not looked at before they end", "set sampler.stop"},
      {"combine.shards", combines, "nothing is combined", "set combine.names"},
      {"combine.draws", combines, "nothing is combined", "set combine.names"},
      {"combine.chains", combines, "nothing is combined", "set combine.names"},
      {"combine.bandwidth", combines, "nothing is combined", "set combine.names"},
      {"predictive.grid_margin", predicts_grid, "predictive.rows has no grid", "add \"grid\" to predictive.rows"},
      {"predictive.functions", keeps_functions, "they run along the grid of a study of fits", "add \"grid\" to predictive.rows"},
      {"family.initial_sd", has_scales, "the family has no scales", "use another family"},
      {"reference.samples", samples_reference, "the reference gradient is exact", "set reference.method"},
      {"path.step_size", has_steps, "path.steps is 0", "set path.steps"},
      {"path.samples", has_steps, "path.steps is 0", "set path.steps"},
      {"path.batch_rows", has_steps, "path.steps is 0", "set path.steps"},
      {"path.snapshot_age", leans_on_snapshots, "no estimator of this study leans on earlier parameters", "compare svrg, joint_cv or saga"},
  };
  return all;
}

[[noreturn]] void refuse(const Document& document, const Given& given, const std::string& reason, const std::string& suggestion) {
  fail(document.file, given.at, fmt::format("{} has no meaning here", given.key.name), reason,
       fmt::format("Remove it, or {}.", suggestion));
}

}  // namespace

void check_all_used(const Document& document, const Spec& spec) {
  const auto in_any_cell = [&](const auto& holds) {
    return std::any_of(spec.cells.begin(), spec.cells.end(), [&](const SpecCell& cell) { return holds(cell.settings); });
  };
  for (const Given& given : document.givens) {
    for (const Rule& rule : rules()) {
      if (given.key.name == rule.key && !in_any_cell(rule.used)) refuse(document, given, rule.reason, rule.suggestion);
    }
    const std::string prefix = "model.";
    if (!given.key.name.starts_with(prefix) || given.key.name == "model.name") continue;
    const std::string name = given.key.name.substr(prefix.size());
    std::optional<models::NoMeaning> why;
    const bool used = in_any_cell([&](const Settings& settings) {
      const models::Entry& entry = *models::find(settings.model.name);
      // Of a sweep over models only those that have the key can use it.
      const bool known = std::any_of(entry.parameters.begin(), entry.parameters.end(), [&](const auto& p) { return p.name == name; }) ||
                         std::any_of(entry.words.begin(), entry.words.end(), [&](const auto& w) { return w.name == name; });
      if (!known) return false;
      auto reason = models::no_meaning(entry, name, model_arguments(settings));
      if (!reason) return true;
      if (!why) why = std::move(reason);
      return false;
    });
    if (!used && why) refuse(document, given, why->reason, why->instead);
  }
}

}  // namespace variscope::experiments::detail
