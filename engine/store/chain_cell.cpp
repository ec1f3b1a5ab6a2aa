/// A cell of chains as a group of run.h5, written and read side by side.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "engine/error.hpp"
#include "engine/store/run_layout.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

struct TargetArray {
  const char* name;
  const char* meaning;
  std::vector<double> FitTarget::*values;
};
constexpr std::array<TargetArray, 4> kTarget{{{"reference_mean", "posterior mean that chains are held against", &FitTarget::mean},
                                              {"reference_sd", "posterior standard deviation likewise", &FitTarget::sd},
                                              {"reference_mean_error", "standard error of reference_mean", &FitTarget::mean_error},
                                              {"reference_sd_error", "standard error of reference_sd", &FitTarget::sd_error}}};

struct Timing {
  const char* name;
  const char* meaning;
  const char* units;
  double ChainsRecord::*value;
};
constexpr std::array<Timing, 4> kTimings{{{"seconds", "wall time of the draws", "s", &ChainsRecord::seconds},
                                          {"warmup_seconds", "wall time of the warm-up", "s", &ChainsRecord::warmup_seconds},
                                          {"bytes_sent", "by all ranks, warm-up included", "byte", &ChainsRecord::bytes_sent},
                                          {"messages_sent", "by all ranks, warm-up included", "1", &ChainsRecord::messages_sent}}};

struct Number {
  const char* name;
  Index ChainCellRecord::*value;
};
constexpr std::array<Number, 10> kNumbers{{{"predictive_draws", &ChainCellRecord::predictive_draws},
                                           {"row_shards", &ChainCellRecord::row_shards},
                                           {"dim", &ChainCellRecord::dim},
                                           {"rows", &ChainCellRecord::rows},
                                           {"chains", &ChainCellRecord::chains},
                                           {"first_chain", &ChainCellRecord::first_chain},
                                           {"warmup", &ChainCellRecord::warmup},
                                           {"draws", &ChainCellRecord::draws},
                                           {"stored_draws", &ChainCellRecord::stored},
                                           {"chains_per_start", &ChainCellRecord::chains_per_start}}};

/// Of each sampler.
struct SamplerNumber {
  const char* name;
  const char* meaning;
  Index ChainsRecord::*value;
};
constexpr std::array<SamplerNumber, 3> kSamplerNumbers{{{"draws_made", "iterations of each chain behind the warm-up", &ChainsRecord::draws},
                                                        {"draws_stored", "draws of each chain in the trace file", &ChainsRecord::stored},
                                                        {"stopped", "1: the stopping rule held twice in a row", &ChainsRecord::stopped}}};

struct CombinedTiming {
  const char* name;
  const char* meaning;
  double CombinedRecord::*value;
};
constexpr std::array<CombinedTiming, 3> kCombinedTimings{
    {{"combine_seconds", "wall time of the combination", &CombinedRecord::seconds},
     {"shard_seconds", "wall time of the slowest shard's chains, warm-up included", &CombinedRecord::shard_seconds},
     {"full_seconds", "wall time of the chains of all rows, warm-up included", &CombinedRecord::full_seconds}}};

template <class Select>
std::vector<std::string> texts(const ChainCellRecord& cell, Select select) {
  std::vector<std::string> all;
  for (const ChainsRecord& chains : cell.samplers) all.push_back(select(chains));
  return all;
}

std::vector<double> gathered(const ChainCellRecord& cell, std::vector<double> ChainsRecord::*values) {
  std::vector<double> all;
  for (const ChainsRecord& chains : cell.samplers) all.insert(all.end(), (chains.*values).begin(), (chains.*values).end());
  return all;
}

/// "3x2"; empty: a number.
std::string shape_text(const std::vector<Index>& shape) { return fmt::format("{}", fmt::join(shape, "x")); }

std::vector<Index> read_shape(const std::string& text) {
  std::vector<Index> shape;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    Index extent = 0;
    const auto [next, error] = std::from_chars(at, end, extent);
    if (error != std::errc()) throw SystemError(fmt::format("read: variable_shape '{}' (not a shape)", text));
    shape.push_back(extent);
    at = next + 1;
  }
  return shape;
}

template <class List>
std::vector<std::string> names_of(const List& list) {
  return {list.begin(), list.end()};
}

template <class Value>
std::vector<Value> sized(std::vector<Value> values, std::size_t size, const Handle& group, const std::string& name) {
  if (values.size() != size) throw SystemError(fmt::format("read: {}/{} (its shape does not match its dimensions)", group.where(), name));
  return values;
}

/// Which rows are predicted, and what of them.
void write_predictions(Dimensions& dimensions, const ChainCellRecord& cell) {
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
  dimensions.add("predictive_figure", names_of(predictive_figures), {"figure of a posterior predictive"});
  dimensions.doubles("predictive", {"sampler", "part", "predictive_figure"}, {"posterior predictive of all rows of each part"},
                     gathered(cell, &ChainsRecord::predictive).data());
  if (cell.predicted_rows() == 0) return;
  std::vector<Index> numbers(static_cast<std::size_t>(cell.predicted_rows()));
  std::iota(numbers.begin(), numbers.end(), Index{0});
  dimensions.add("predicted_row", numbers, {"row that is predicted"});
  dimensions.add("prediction", names_of(prediction_columns), {"what is predicted of a row"});
  dimensions.doubles("predicted_rows", {"sampler", "predicted_row", "prediction"}, {"posterior predictive of the kept rows"},
                     gathered(cell, &ChainsRecord::predicted_rows).data());
}

/// "consensus of nuts".
std::string combination_name(const CombinedRecord& combined) { return fmt::format("{} of {}", combined.combiner, combined.sampler); }

void write_combined(Dimensions& dimensions, const ChainCellRecord& cell) {
  if (cell.combined.empty()) return;
  std::vector<std::string> names;
  std::vector<std::string> combiners;
  std::vector<std::string> samplers;
  std::vector<double> coordinates;
  std::vector<double> figures;
  for (const CombinedRecord& combined : cell.combined) {
    names.push_back(combination_name(combined));
    combiners.push_back(combined.combiner);
    samplers.push_back(combined.sampler);
    coordinates.insert(coordinates.end(), combined.coordinates.begin(), combined.coordinates.end());
    figures.insert(figures.end(), combined.figures.begin(), combined.figures.end());
  }
  dimensions.add("combination", names, {"posterior put together from those of shards of the rows"});
  dimensions.texts("combiner", "combination", {"what put it together"}, combiners);
  dimensions.texts("combined_sampler", "combination", {"sampler of the shards' chains"}, samplers);
  dimensions.add("coordinate", cell.coordinates, {"unconstrained coordinate"});
  dimensions.add("combined_figure", names_of(combined_figures), {"figure of a coordinate, combined and of all rows"});
  dimensions.add("combination_figure", names_of(combination_figures), {"figure of a combination"});
  dimensions.doubles("combined_figures", {"combination", "coordinate", "combined_figure"}, {"moments on the unconstrained scale"},
                     coordinates.data());
  dimensions.doubles("combination_figures", {"combination", "combination_figure"}, {"figures of each combination"}, figures.data());
}

void write_pairs(Dimensions& dimensions, const ChainCellRecord& cell) {
  std::vector<std::string> names;
  std::vector<std::string> values;
  for (const auto& [key, value] : cell.settings) {
    names.push_back(key);
    values.push_back(value);
  }
  if (!names.empty()) {
    dimensions.add("setting", names, {"setting of the plan"});
    dimensions.texts("setting_value", "setting", {"value of the setting, as text"}, values);
  }
  names.clear();
  values.clear();
  for (const Exclusion& exclusion : cell.exclusions) {
    names.push_back(exclusion.estimator);
    values.push_back(exclusion.reason);
  }
  if (!names.empty()) {
    dimensions.add("exclusion", names, {"sampler of the spec that was not run"});
    dimensions.texts("exclusion_reason", "exclusion", {"why it was not run"}, values);
  }
}

}  // namespace

void check_chain_cell(const ChainCellRecord& cell) {
  const auto require = [&](bool holds, const std::string& what) {
    if (!holds) throw std::invalid_argument(fmt::format("cell '{}': {}", cell.id, what));
  };
  const std::size_t scalars = cell.scalar_names.size();
  require(!cell.id.empty() && cell.id != "." && cell.id.find('/') == std::string::npos, "the id cannot name a group");
  for (const ChainsRecord& chains : cell.samplers) {
    require(chains.scalars.size() == scalars * scalar_figures.size(), "a sampler has not the figures of every scalar");
    require(chains.predictive.size() == cell.predicted.size() * predictive_figures.size() &&
                chains.predicted_rows.size() == static_cast<std::size_t>(cell.predicted_rows()) * prediction_columns.size(),
            "or not those of every prediction");
    require(chains.weights.empty() || chains.weights.size() == weight_figures.size(), "or not those of its weights");
    require(chains.chains.size() == static_cast<std::size_t>(cell.chains) * chain_figures.size(), "or not those of every chain");
  }
  for (const CombinedRecord& combined : cell.combined) {
    require(combined.coordinates.size() == cell.coordinates.size() * combined_figures.size() &&
                combined.figures.size() == combination_figures.size(),
            "a combination has not the figures of every coordinate");
  }
  for (const TargetArray& array : kTarget) {
    require(cell.target.mean.empty() || (cell.target.*array.values).size() == scalars,
            fmt::format("{} has not one entry per scalar", array.name));
  }
}

void write_chain_cell(const Handle& results, DimensionCounter& counter, const ChainCellRecord& cell) {
  auto group = create_group(results, cell.id);
  write_attribute(group, "kind", "chains");
  write_attribute(group, "model", cell.model);
  write_attribute(group, "reference_moments", cell.target.moments);
  write_attribute(group, "covariate", cell.covariate);
  for (const Number& number : kNumbers) write_attribute(group, number.name, cell.*number.value);

  Dimensions dimensions(group, counter);
  dimensions.add("sampler", texts(cell, [](const auto& c) { return c.sampler; }), {"sampler"});
  std::vector<Index> numbers(static_cast<std::size_t>(cell.chains));
  std::iota(numbers.begin(), numbers.end(), cell.first_chain);
  dimensions.add("chain", numbers, {"chain"});
  std::vector<std::string> names;
  std::vector<std::string> shapes;
  for (const StoredVariable& variable : cell.variables) {
    names.push_back(variable.name);
    shapes.push_back(shape_text(variable.shape));
  }
  dimensions.add("variable", names, {"stored variable of the model"});
  dimensions.texts("variable_shape", "variable", {"its axes, AxBx...; empty: a number"}, shapes);
  dimensions.add("scalar", cell.scalar_names, {"element of a stored variable"});
  dimensions.add("scalar_figure", names_of(scalar_figures), {"figure of a scalar; error: Monte Carlo standard error, size: effective"});
  dimensions.add("chain_figure", names_of(chain_figures), {"what a chain did"});
  dimensions.texts("trace", "sampler", {"trace file: traces/NAME.nc"}, texts(cell, [](const auto& c) { return c.trace; }));
  dimensions.texts("trace_hash", "sampler", {"hash of its draws and statistics"}, texts(cell, [](const auto& c) { return c.trace_hash; }));
  dimensions.doubles("scalar_figures", {"sampler", "scalar", "scalar_figure"}, {"figures of each scalar, of the chains that did not fail"},
                     gathered(cell, &ChainsRecord::scalars).data());
  dimensions.doubles("chain_figures", {"sampler", "chain", "chain_figure"}, {"what each chain did"},
                     gathered(cell, &ChainsRecord::chains).data());
  for (const SamplerNumber& number : kSamplerNumbers) {
    std::vector<Index> all;
    for (const ChainsRecord& chains : cell.samplers) all.push_back(chains.*number.value);
    dimensions.integers(number.name, {"sampler"}, {number.meaning}, all.data());
  }
  for (const TargetArray& array : kTarget) {
    if (!cell.target.mean.empty()) dimensions.doubles(array.name, {"scalar"}, {array.meaning}, (cell.target.*array.values).data());
  }
  if (std::any_of(cell.samplers.begin(), cell.samplers.end(), [](const auto& c) { return !c.weights.empty(); })) {
    std::vector<double> all;
    for (const ChainsRecord& chains : cell.samplers) {
      std::vector<double> own = chains.weights;
      own.resize(weight_figures.size(), std::numeric_limits<double>::quiet_NaN());
      all.insert(all.end(), own.begin(), own.end());
    }
    dimensions.add("weight_figure", names_of(weight_figures), {"figure of the weights of a sampler's draws"});
    dimensions.doubles("weight_figures", {"sampler", "weight_figure"}, {"of samplers whose draws carry weights"}, all.data());
  }
  write_combined(dimensions, cell);
  write_predictions(dimensions, cell);
  write_pairs(dimensions, cell);
  dimensions.close();
  group.close();
}

ChainCellRecord read_chain_cell(const Handle& results, const std::string& id) {
  const auto group = open_group(results, id);
  ChainCellRecord cell;
  cell.id = id;
  cell.model = read_text_attribute(group, "model");
  cell.target.moments = read_text_attribute(group, "reference_moments");
  cell.covariate = read_text_attribute(group, "covariate");
  for (const Number& number : kNumbers) {
    // Of before rows had shards.
    if (has_attribute(group, number.name)) cell.*number.value = read_integer_attribute(group, number.name);
  }
  const auto samplers = read_texts(group, "sampler");
  const auto names = read_texts(group, "variable");
  const auto shapes = sized(read_texts(group, "variable_shape"), names.size(), group, "variable_shape");
  for (std::size_t v = 0; v < names.size(); ++v) cell.variables.push_back({names[v], read_shape(shapes[v])});
  cell.scalar_names = read_texts(group, "scalar");
  const std::size_t of_scalars = cell.scalar_names.size() * scalar_figures.size();
  const std::size_t of_chains = static_cast<std::size_t>(cell.chains) * chain_figures.size();
  const auto traces = sized(read_texts(group, "trace"), samplers.size(), group, "trace");
  const auto hashes = sized(read_texts(group, "trace_hash"), samplers.size(), group, "trace_hash");
  const auto scalars = sized(read_doubles(group, "scalar_figures"), samplers.size() * of_scalars, group, "scalar_figures");
  const auto chains = sized(read_doubles(group, "chain_figures"), samplers.size() * of_chains, group, "chain_figures");
  const auto part = [](const std::vector<double>& all, std::size_t place, std::size_t size) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(place * size);
    return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(size));
  };
  for (std::size_t k = 0; k < samplers.size(); ++k) {
    cell.samplers.push_back({samplers[k], traces[k], hashes[k], part(scalars, k, of_scalars), part(chains, k, of_chains), {}, {}, {}});
  }
  for (ChainsRecord& record : cell.samplers) {
    record.draws = cell.draws;
    record.stored = cell.stored;
  }
  for (const SamplerNumber& number : kSamplerNumbers) {
    // Files of before there were stopping rules.
    if (!exists(group, number.name)) continue;
    const auto all = sized(read_integers(group, number.name), samplers.size(), group, number.name);
    for (std::size_t k = 0; k < all.size(); ++k) cell.samplers[k].*number.value = all[k];
  }
  if (exists(group, "weight_figures")) {
    const auto all = sized(read_doubles(group, "weight_figures"), samplers.size() * weight_figures.size(), group, "weight_figures");
    for (std::size_t k = 0; k < samplers.size(); ++k) {
      auto own = part(all, k, weight_figures.size());
      if (!std::all_of(own.begin(), own.end(), [](double x) { return std::isnan(x); })) cell.samplers[k].weights = std::move(own);
    }
  }
  if (exists(group, "combination")) {
    cell.coordinates = read_texts(group, "coordinate");
    const auto combined = read_texts(group, "combiner");
    const auto of = sized(read_texts(group, "combined_sampler"), combined.size(), group, "combined_sampler");
    const std::size_t of_coordinates = cell.coordinates.size() * combined_figures.size();
    const auto moments = sized(read_doubles(group, "combined_figures"), combined.size() * of_coordinates, group, "combined_figures");
    const auto figures =
        sized(read_doubles(group, "combination_figures"), combined.size() * combination_figures.size(), group, "combination_figures");
    for (std::size_t k = 0; k < combined.size(); ++k)
      cell.combined.push_back({combined[k], of[k], part(moments, k, of_coordinates), part(figures, k, combination_figures.size())});
  }
  if (exists(group, "part")) {
    const auto parts = read_texts(group, "part");
    const auto rows = sized(read_integers(group, "part_rows"), parts.size(), group, "part_rows");
    const auto kept = sized(read_integers(group, "part_kept"), parts.size(), group, "part_kept");
    for (std::size_t p = 0; p < parts.size(); ++p) cell.predicted.push_back({parts[p], rows[p], kept[p]});
    const std::size_t of_parts = parts.size() * predictive_figures.size();
    const std::size_t of_rows = static_cast<std::size_t>(cell.predicted_rows()) * prediction_columns.size();
    const auto figures = sized(read_doubles(group, "predictive"), samplers.size() * of_parts, group, "predictive");
    const auto predicted = of_rows == 0 ? std::vector<double>{}
                                        : sized(read_doubles(group, "predicted_rows"), samplers.size() * of_rows, group, "predicted_rows");
    for (std::size_t k = 0; k < samplers.size(); ++k) {
      cell.samplers[k].predictive = part(figures, k, of_parts);
      cell.samplers[k].predicted_rows = part(predicted, k, of_rows);
    }
  }
  for (const TargetArray& array : kTarget) {
    if (exists(group, array.name))
      cell.target.*array.values = sized(read_doubles(group, array.name), cell.scalar_names.size(), group, array.name);
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

void write_chain_timings(const Handle& timings, DimensionCounter& counter, const ChainCellRecord& cell) {
  auto group = create_group(timings, cell.id);
  write_attribute(group, "processors", cell.processors);
  Dimensions dimensions(group, counter);
  dimensions.add("sampler", texts(cell, [](const auto& c) { return c.sampler; }), {"sampler"});
  for (const Timing& timing : kTimings) {
    std::vector<double> all;
    for (const ChainsRecord& chains : cell.samplers) all.push_back(chains.*timing.value);
    dimensions.doubles(timing.name, {"sampler"}, {timing.meaning, timing.units}, all.data());
  }
  if (!cell.combined.empty()) {
    std::vector<std::string> names;
    for (const CombinedRecord& combined : cell.combined) names.push_back(combination_name(combined));
    dimensions.add("combination", names, {"posterior put together from those of shards of the rows"});
    for (const CombinedTiming& timing : kCombinedTimings) {
      std::vector<double> all;
      for (const CombinedRecord& combined : cell.combined) all.push_back(combined.*timing.value);
      dimensions.doubles(timing.name, {"combination"}, {timing.meaning, "s"}, all.data());
    }
  }
  dimensions.close();
  group.close();
}

void read_chain_timings(const Handle& file, ChainCellRecord& cell) {
  const std::string name = "timings/" + cell.id;
  if (!exists(file, name)) return;
  const auto group = open_group(file, name);
  cell.processors = read_integer_attribute(group, "processors");
  for (const Timing& timing : kTimings) {
    const auto all = sized(read_doubles(group, timing.name), cell.samplers.size(), group, timing.name);
    for (std::size_t k = 0; k < all.size(); ++k) cell.samplers[k].*timing.value = all[k];
  }
  for (const CombinedTiming& timing : kCombinedTimings) {
    if (cell.combined.empty()) break;
    const auto all = sized(read_doubles(group, timing.name), cell.combined.size(), group, timing.name);
    for (std::size_t k = 0; k < all.size(); ++k) cell.combined[k].*timing.value = all[k];
  }
}

}  // namespace variscope::store
