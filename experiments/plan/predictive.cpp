/// Parts, their rows, and why a model cannot predict them.
#include "experiments/plan/predictive.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/columns.hpp"
#include "engine/data/standardize.hpp"
#include "engine/diagnostics/predictive.hpp"
#include "engine/error.hpp"
#include "experiments/spec/fit_methods.hpp"

namespace variscope::experiments {

namespace {

bool asks_for(const Settings& settings, const char* part) {
  const auto& rows = settings.predictive.rows;
  return std::find(rows.begin(), rows.end(), part) != rows.end();
}

}  // namespace

std::vector<PredictedPart> predicted_parts(const Settings& settings, const DataPlan* data) {
  std::vector<PredictedPart> parts;
  if (data == nullptr || !fit_method(settings.fit.method).has_draws()) return parts;
  if (settings.study.kind == "fit" && drawn_by_fits(settings) < diagnostics::kLeastPredictiveDraws) return parts;
  const Settings::Predictive& p = settings.predictive;
  for (const std::string& name : p.rows) {
    if (std::any_of(parts.begin(), parts.end(), [&](const PredictedPart& part) { return part.name == name; })) continue;
    const Index rows = name == "training" ? data->rows : name == "test" ? data->dataset.test_rows : p.grid_points;
    parts.push_back({name, rows, name == "grid" ? rows : std::min(rows, p.kept_rows)});
  }
  return parts;
}

Index drawn_by_fits(const Settings& settings) {
  const bool particles = fit_method(settings.fit.method).particles;
  return particles ? std::min(settings.predictive.draws, settings.fit.particles) : settings.predictive.draws;
}

const Settings& predictive_settings(const std::vector<CellPlan>& cells) {
  const auto first =
      std::find_if(cells.begin(), cells.end(), [](const CellPlan& c) { return fit_method(c.settings.fit.method).has_draws(); });
  return (first == cells.end() ? cells.begin() : first)->settings;
}

Index covariate_column(const Settings& settings, const Dataset& dataset) {
  const std::string& name = settings.predictive.covariate;
  if (name.empty()) return -1;
  std::vector<std::string> numbers;
  for (std::size_t c = 0; c < dataset.design.size(); ++c) {
    if (dataset.design[c].level >= 0) continue;
    if (dataset.columns[c] == name) return static_cast<Index>(c);
    numbers.push_back(dataset.columns[c]);
  }
  throw UserError(fmt::format("predictive.covariate: '{}' is no design column of numbers (there are: {}). Name one of them.", name,
                              data::list_names(numbers)));
}

void check_predictive(const Spec& spec, const Settings& settings, const models::Model& model, const DataPlan* data) {
  if (settings.predictive.rows.empty() || data == nullptr) return;
  const auto fail = [&](const char* key, const std::string& text) { throw UserError(fmt::format("{}: {}", spec.where(key), text)); };
  if (!model.has_row_log_likelihood() || !model.has_response_simulation()) {
    fail("predictive.rows", fmt::format("model {} does not predict rows (it has no {} row by row). Remove it.", settings.model.name,
                                        model.has_row_log_likelihood() ? "responses" : "densities"));
  }
  try {
    (void)covariate_column(settings, data->dataset);
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: {}", spec.where("predictive.covariate"), error.what()));
  }
  if (settings.study.kind == "fit" && fit_method(settings.fit.method).has_density() &&
      settings.predictive.draws > settings.fit.posterior_draws) {
    fail("predictive.draws",
         fmt::format("predictive.draws = {} exceeds fit.posterior_draws = {} (they are the first of those). Raise the latter.",
                     settings.predictive.draws, settings.fit.posterior_draws));
  }
  if (settings.predictive.functions > settings.predictive.draws) {
    fail("predictive.functions",
         fmt::format("predictive.functions = {} exceeds predictive.draws = {} (they are the first of those). Use fewer.",
                     settings.predictive.functions, settings.predictive.draws));
  }
  if (asks_for(settings, "test") && data->dataset.test_rows == 0)
    fail("predictive.rows", "\"test\" without rows held out (data.test_fraction is 0). Set it, or predict \"training\".");
  if (asks_for(settings, "grid")) {
    if (settings.predictive.covariate.empty())
      fail("predictive.rows", "\"grid\" runs along a covariate and none is named (its values are the grid). Set predictive.covariate.");
    if (!data->shape.side_columns.empty()) {
      fail("predictive.rows", fmt::format("\"grid\" has no value for side column '{}' (groups, offsets and trials have no mean row). "
                                          "Predict \"training\" or \"test\".",
                                          data->shape.side_columns.front().name));
    }
  }
  for (const PredictedPart& part : predicted_parts(settings, data)) {
    if (part.name == "training") continue;
    data::Table shape = data->shape;
    shape.rows = part.rows;
    if (make_model(settings, &shape)->dim() == model.dim()) continue;
    fail("predictive.rows", fmt::format("model {} has parameters of its rows' own (others cannot be predicted from them). Predict "
                                        "\"training\".",
                                        settings.model.name));
  }
}

double predictive_bytes(const Settings& settings, const DataPlan& data, Index shards, int threads) {
  double bytes = 0;
  for (const PredictedPart& part : predicted_parts(settings, &data)) {
    if (part.name == "training") continue;
    const Index held = part.name == "grid" ? part.rows : part.rows / shards + data.row_tile;
    bytes += 8.0 * static_cast<double>(held) * static_cast<double>(data.width + static_cast<Index>(data.dataset.side_columns.size()) + 2);
  }
  if (settings.predictive.rows.empty()) return 0;
  const auto draws = static_cast<double>(settings.predictive.draws);
  return bytes + 8.0 * draws * (static_cast<double>(data.width) + threads * (3.0 * kPredictedRows + 8));
}

}  // namespace variscope::experiments
