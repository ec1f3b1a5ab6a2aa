/// A cell of fits as a group of run.h5, written and read side by side.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "engine/error.hpp"
#include "engine/store/fit_arrays.hpp"
#include "engine/store/record_arrays.hpp"
#include "engine/store/run_layout.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

const std::vector<std::string> kTargetFigures = {"objective", "objective_error", "gradient_norm"};

struct TargetArray {
  const char* name;
  const char* meaning;
  std::vector<double> FitTarget::*values;
};
constexpr std::array<TargetArray, 4> kTargetMoments{
    {{"reference_mean", "posterior mean that fits are held against", &FitTarget::mean},
     {"reference_sd", "posterior standard deviation that fits are held against", &FitTarget::sd},
     {"reference_mean_error", "standard error of reference_mean", &FitTarget::mean_error},
     {"reference_sd_error", "standard error of reference_sd", &FitTarget::sd_error}}};

constexpr const char* kEndings =
    "why the fit ended: 0 all its steps, 1 its stopping rule, 2 its search converged, 3 a parameter beyond its bound, 4 refused steps in a "
    "row, 5 an objective that is not finite, 6 a search that came to no answer";

std::vector<Index> counting(Index size) {
  std::vector<Index> numbers(static_cast<std::size_t>(size));
  std::iota(numbers.begin(), numbers.end(), Index{0});
  return numbers;
}

std::vector<std::string> along(FitEntries entries) {
  switch (entries) {
    case FitEntries::step:
      return {"estimator", "repeat", "step"};
    case FitEntries::step_parameter:
      return {"estimator", "repeat", "step", "parameter"};
    case FitEntries::variable:
      return {"estimator", "repeat", "variable"};
    case FitEntries::pair:
      return {"estimator", "repeat", "pair"};
    case FitEntries::part:
      return {"estimator", "repeat", "part", "predictive_figure"};
    case FitEntries::predicted:
      return {"estimator", "repeat", "predicted_row", "prediction"};
    case FitEntries::function:
      break;
  }
  return {"estimator", "repeat", "function", "grid_point"};
}

/// All fits' values of one array, fit after fit.
std::vector<double> gathered(const FitCellRecord& cell, std::vector<double> FitRecord::*values) {
  std::vector<double> all;
  for (const FitRecord& fit : cell.fits) all.insert(all.end(), (fit.*values).begin(), (fit.*values).end());
  return all;
}

std::vector<std::string> pairs_of(const std::vector<std::string>& names) {
  std::vector<std::string> pairs;
  for (std::size_t a = 0; a < names.size(); ++a) {
    for (std::size_t b = a + 1; b < names.size(); ++b) pairs.push_back(names[a] + ", " + names[b]);
  }
  return pairs;
}

template <class Select>
std::vector<Index> integers(const FitCellRecord& cell, Select select) {
  std::vector<Index> all;
  for (const FitRecord& fit : cell.fits) all.push_back(static_cast<Index>(select(fit)));
  return all;
}

void write_target(Dimensions& dimensions, const FitCellRecord& cell) {
  const FitTarget& target = cell.target;
  if (!target.method.empty()) {
    const std::vector<double> figures = {target.objective, target.objective_error, target.gradient_norm};
    dimensions.add("figure", kTargetFigures, {"figure of the optimum"});
    dimensions.doubles("optimum", {"figure"}, {"objective at the optimum, bound of its error, length of the gradient there"},
                       figures.data());
    dimensions.doubles("optimum_lambda", {"parameter"}, {"variational parameters of the optimum"}, target.lambda.data());
  }
  for (const TargetArray& array : kTargetMoments) {
    if (!target.mean.empty()) dimensions.doubles(array.name, {"variable"}, {array.meaning}, (target.*array.values).data());
  }
  if (!target.correlation.empty())
    dimensions.doubles("reference_correlation", {"pair"}, {"posterior correlation that fits are held against"}, target.correlation.data());
}

void write_lists(Dimensions& dimensions, const FitCellRecord& cell) {
  std::vector<std::string> names;
  std::vector<std::string> texts;
  for (const auto& [key, value] : cell.settings) {
    names.push_back(key);
    texts.push_back(value);
  }
  if (!names.empty()) {
    dimensions.add("setting", names, {"setting of the plan"});
    dimensions.texts("setting_value", "setting", {"value of the setting, as text"}, texts);
  }
  names.clear();
  texts.clear();
  for (const Exclusion& exclusion : cell.exclusions) {
    names.push_back(exclusion.estimator);
    texts.push_back(exclusion.reason);
  }
  if (!names.empty()) {
    dimensions.add("exclusion", names, {"estimator of the spec that was not run"});
    dimensions.texts("exclusion_reason", "exclusion", {"why it was not run"}, texts);
  }
}

/// Dimensions of what is predicted, and which rows they are.
void add_predicted(Dimensions& dimensions, const FitCellRecord& cell) {
  if (cell.predicted.empty()) return;
  std::vector<std::string> parts;
  std::vector<Index> rows;
  std::vector<Index> kept;
  for (const PredictedPart& part : cell.predicted) {
    parts.push_back(part.name);
    rows.push_back(part.rows);
    kept.push_back(part.kept);
  }
  dimensions.add("part", parts, {"rows that are predicted"});
  dimensions.integers("part_rows", {"part"}, {"rows of the part"}, rows.data());
  dimensions.integers("part_kept", {"part"}, {"its first rows, whose predictions are kept, part after part"}, kept.data());
  dimensions.add("predictive_figure", std::vector<std::string>(predictive_figures.begin(), predictive_figures.end()),
                 {"figure of a posterior predictive"});
  const Index predicted = cell.extents().predicted;
  if (predicted == 0) return;
  dimensions.add("predicted_row", counting(predicted), {"row that is predicted"});
  dimensions.add("prediction", std::vector<std::string>(prediction_columns.begin(), prediction_columns.end()),
                 {"what is predicted of a row"});
  if (cell.functions == 0) return;
  dimensions.add("function", counting(cell.functions), {"draw of the parameters"});
  dimensions.add("grid_point", counting(cell.extents().functions / cell.functions), {"row of the grid"});
}

template <class Value>
std::vector<Value> sized(std::vector<Value> values, std::size_t size, const Handle& group, const std::string& name) {
  if (values.size() != size) throw SystemError(fmt::format("read: {}/{} (its shape does not match its dimensions)", group.where(), name));
  return values;
}

}  // namespace

void check_fit_cell(const FitCellRecord& cell) {
  const auto require = [&](bool holds, const std::string& what) {
    if (!holds) throw std::invalid_argument(fmt::format("cell '{}': {}", cell.id, what));
  };
  const auto parameters = cell.parameter_names.size();
  const auto variables = cell.variable_names.size();
  require(!cell.id.empty() && cell.id != "." && cell.id.find('/') == std::string::npos, "the id cannot name a group");
  require(cell.fits.size() == cell.estimators.size() * static_cast<std::size_t>(cell.repeats), "not one fit for each estimator and repeat");
  for (const FitRecord& fit : cell.fits) {
    require(is_whole(fit, cell.extents()), "a fit's arrays are of another extent");
    for (const FitStateArray& array : state_arrays) {
      require((fit.state.*array.values).size() == (cell.fits.front().state.*array.values).size(),
              "states of fits are of different extents");
    }
  }
  require(cell.target.method.empty() || cell.target.lambda.size() == parameters, "the optimum has not one entry per parameter");
  for (const TargetArray& array : kTargetMoments) {
    require(cell.target.mean.empty() || (cell.target.*array.values).size() == variables,
            fmt::format("{} has not one entry per variable", array.name));
  }
  require(cell.target.correlation.empty() || static_cast<Index>(cell.target.correlation.size()) == cell.extents().pairs(),
          "reference_correlation has not one entry per pair");
}

void write_fit_cell(const Handle& results, DimensionCounter& counter, const FitCellRecord& cell) {
  auto group = create_group(results, cell.id);
  write_attribute(group, "kind", "fit");
  write_attribute(group, "model", cell.model);
  write_attribute(group, "family", cell.family);
  write_attribute(group, "method", cell.method);
  write_attribute(group, "optimizer", cell.optimizer);
  write_attribute(group, "samples", cell.samples);
  write_attribute(group, "batch_rows", cell.batch_rows);
  write_attribute(group, "rows", cell.rows);
  write_attribute(group, "posterior_draws", cell.posterior_draws);
  write_attribute(group, "objective", cell.objective);
  write_attribute(group, "optimum_method", cell.target.method);
  write_attribute(group, "covariate", cell.covariate);
  write_attribute(group, "predictive_draws", cell.predictive_draws);
  write_attribute(group, "reference_moments", cell.target.moments);

  Dimensions dimensions(group, counter);
  dimensions.add("estimator", cell.estimators, {"gradient estimator"});
  dimensions.add("repeat", counting(cell.repeats), {"independent fit"});
  dimensions.add("step", cell.trace, {"optimisation step"});
  dimensions.add("parameter", cell.parameter_names, {"variational parameter"});
  dimensions.add("variable", cell.variable_names, {"variable of the model"});
  if (cell.extents().pairs() > 0) dimensions.add("pair", pairs_of(cell.variable_names), {"pair of variables"});
  std::vector<std::string> kinds;
  for (const auto& kind : models::Counts::kinds()) kinds.emplace_back(kind.name);
  dimensions.add("kind", kinds, {"kind of work"});
  add_predicted(dimensions, cell);
  for (const FitArray& array : fit_arrays) {
    if (fit_width(array.entries, cell.extents()) == 0) continue;
    dimensions.doubles(array.name, along(array.entries), {array.meaning, array.units}, gathered(cell, array.values).data());
  }
  for (const FitNumber& number : fit_numbers) {
    std::vector<double> all;
    for (const FitRecord& fit : cell.fits) all.push_back(fit.*number.value);
    dimensions.doubles(number.name, {"estimator", "repeat"}, {number.meaning}, all.data());
  }
  const auto diverged = integers(cell, [](const FitRecord& fit) { return fit.status == FitStatus::diverged ? 1 : 0; });
  dimensions.integers("diverged", {"estimator", "repeat"}, {"1 where the fit diverged"}, diverged.data());
  const auto ending = integers(cell, [](const FitRecord& fit) { return static_cast<Index>(fit.ending); });
  dimensions.integers("ending", {"estimator", "repeat"}, {kEndings}, ending.data());
  const auto steps = integers(cell, [](const FitRecord& fit) { return fit.steps; });
  dimensions.integers("steps", {"estimator", "repeat"}, {"steps taken, refused ones included"}, steps.data());
  const auto refused = integers(cell, [](const FitRecord& fit) { return fit.refused; });
  dimensions.integers("refused", {"estimator", "repeat"}, {"steps refused since the gradient was not finite"}, refused.data());
  std::vector<Index> counts;
  std::vector<Index> evaluation;
  for (const FitRecord& fit : cell.fits) {
    for (const models::Counts& work : fit.counts) append(counts, work);
    append(evaluation, fit.evaluation);
  }
  dimensions.integers("counts", {"estimator", "repeat", "step", "kind"}, {"work of all steps so far"}, counts.data());
  dimensions.integers("evaluation", {"estimator", "repeat", "kind"}, {"work of objectives and posterior draws"}, evaluation.data());
  write_target(dimensions, cell);
  write_lists(dimensions, cell);
  dimensions.close();
  group.close();
}

FitCellRecord read_fit_cell(const Handle& results, const std::string& id) {
  const auto group = open_group(results, id);
  FitCellRecord cell;
  cell.id = id;
  cell.model = read_text_attribute(group, "model");
  cell.family = read_text_attribute(group, "family");
  // Files written before there was a choice of methods have neither this nor endings.
  if (has_attribute(group, "method")) cell.method = read_text_attribute(group, "method");
  cell.optimizer = read_text_attribute(group, "optimizer");
  cell.samples = read_integer_attribute(group, "samples");
  cell.batch_rows = read_integer_attribute(group, "batch_rows");
  cell.rows = read_integer_attribute(group, "rows");
  cell.posterior_draws = read_integer_attribute(group, "posterior_draws");
  cell.objective = read_text_attribute(group, "objective");
  cell.target.method = read_text_attribute(group, "optimum_method");
  cell.covariate = read_text_attribute(group, "covariate");
  cell.predictive_draws = read_integer_attribute(group, "predictive_draws");
  if (has_attribute(group, "reference_moments")) cell.target.moments = read_text_attribute(group, "reference_moments");
  cell.estimators = read_texts(group, "estimator");
  cell.repeats = static_cast<Index>(extent_of(open_dataset(group, "repeat")).front());
  cell.trace = read_integers(group, "step");
  cell.parameter_names = read_texts(group, "parameter");
  cell.variable_names = read_texts(group, "variable");

  if (exists(group, "part")) {
    const auto parts = read_texts(group, "part");
    const auto rows = sized(read_integers(group, "part_rows"), parts.size(), group, "part_rows");
    const auto kept = sized(read_integers(group, "part_kept"), parts.size(), group, "part_kept");
    for (std::size_t p = 0; p < parts.size(); ++p) cell.predicted.push_back({parts[p], rows[p], kept[p]});
  }
  if (exists(group, "function")) cell.functions = static_cast<Index>(extent_of(open_dataset(group, "function")).front());

  const FitExtents extents = cell.extents();
  const std::size_t fits = cell.estimators.size() * static_cast<std::size_t>(cell.repeats);
  cell.fits.resize(fits);
  for (FitRecord& fit : cell.fits) fit.resize(extents);
  for (const FitArray& array : fit_arrays) {
    const auto width = static_cast<std::size_t>(fit_width(array.entries, extents));
    // Files written before correlations were kept have none.
    if (width == 0 || (array.entries == FitEntries::pair && !exists(group, array.name))) continue;
    const auto all = sized(read_doubles(group, array.name), fits * width, group, array.name);
    for (std::size_t f = 0; f < fits; ++f)
      std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(f * width), width, (cell.fits[f].*array.values).begin());
  }
  for (const FitNumber& number : fit_numbers) {
    if (!exists(group, number.name)) continue;
    const auto all = sized(read_doubles(group, number.name), fits, group, number.name);
    for (std::size_t f = 0; f < fits; ++f) cell.fits[f].*number.value = all[f];
  }
  const auto table = [&](const std::string& name, std::size_t width) {
    return sized(read_integers(group, name), fits * width, group, name);
  };
  const auto kinds = models::Counts::kinds().size();
  const auto diverged = table("diverged", 1);
  const auto ending = exists(group, "ending") ? table("ending", 1) : std::vector<Index>{};
  const auto steps = table("steps", 1);
  const auto refused = table("refused", 1);
  const auto counts = table("counts", cell.trace.size() * kinds);
  const auto evaluation = table("evaluation", kinds);
  for (std::size_t f = 0; f < fits; ++f) {
    FitRecord& fit = cell.fits[f];
    if (ending.empty())
      end_as(fit, diverged[f] == 0 ? FitEnding::all_steps : FitEnding::out_of_bounds);
    else
      end_as(fit, static_cast<FitEnding>(ending[f]));
    fit.steps = steps[f];
    fit.refused = refused[f];
    for (std::size_t t = 0; t < cell.trace.size(); ++t) fit.counts[t] = counts_at(counts, f * cell.trace.size() + t);
    fit.evaluation = counts_at(evaluation, f);
  }
  if (!cell.target.method.empty()) {
    const auto figures = sized(read_doubles(group, "optimum"), kTargetFigures.size(), group, "optimum");
    cell.target.objective = figures[0];
    cell.target.objective_error = figures[1];
    cell.target.gradient_norm = figures[2];
    cell.target.lambda = sized(read_doubles(group, "optimum_lambda"), cell.parameter_names.size(), group, "optimum_lambda");
  }
  for (const TargetArray& array : kTargetMoments) {
    if (exists(group, array.name))
      cell.target.*array.values = sized(read_doubles(group, array.name), cell.variable_names.size(), group, array.name);
  }
  if (exists(group, "reference_correlation")) {
    cell.target.correlation =
        sized(read_doubles(group, "reference_correlation"), static_cast<std::size_t>(extents.pairs()), group, "reference_correlation");
  }
  const auto list = [&](const std::string& name, const std::string& value, auto add) {
    if (!exists(group, name)) return;
    const auto keys = read_texts(group, name);
    const auto values = sized(read_texts(group, value), keys.size(), group, value);
    for (std::size_t i = 0; i < keys.size(); ++i) add(keys[i], values[i]);
  };
  list("setting", "setting_value", [&](const auto& key, const auto& value) { cell.settings.emplace_back(key, value); });
  list("exclusion", "exclusion_reason", [&](const auto& name, const auto& why) { cell.exclusions.push_back({name, why}); });
  return cell;
}

void write_fit_timings(const Handle& timings, DimensionCounter& counter, const FitCellRecord& cell) {
  auto group = create_group(timings, cell.id);
  Dimensions dimensions(group, counter);
  dimensions.add("estimator", cell.estimators, {"gradient estimator"});
  dimensions.add("repeat", counting(cell.repeats), {"independent fit"});
  dimensions.add("step", cell.trace, {"optimisation step"});
  dimensions.doubles("seconds", {"estimator", "repeat", "step"}, {"wall time of all steps so far", "s"},
                     gathered(cell, &FitRecord::seconds).data());
  dimensions.close();
  group.close();
}

void read_fit_timings(const Handle& file, FitCellRecord& cell) {
  const auto name = "timings/" + cell.id + "/seconds";
  if (!exists(file, name)) return;
  const auto seconds = sized(read_doubles(file, name), cell.fits.size() * cell.trace.size(), file, name);
  for (std::size_t f = 0; f < cell.fits.size(); ++f) {
    std::copy_n(seconds.begin() + static_cast<std::ptrdiff_t>(f * cell.trace.size()), cell.trace.size(), cell.fits[f].seconds.begin());
  }
}

}  // namespace variscope::store
