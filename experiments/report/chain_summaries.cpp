/// Headings from settings that differ, figures from records.
#include "experiments/report/chain_summaries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "experiments/run/sample_record.hpp"

namespace variscope::experiments {

namespace {

/// Settings that decide the posterior.
bool of_posterior(const std::string& key) {
  return key == "study.seed" || key.starts_with("data.") || key.starts_with("model.") || key.starts_with("reference.");
}

/// Keys whose values are not the same in all cells that have them.
std::set<std::string> differing(const std::vector<ChainCellRecord>& cells) {
  std::map<std::string, std::set<std::string>> values;
  for (const ChainCellRecord& cell : cells) {
    for (const auto& [key, value] : cell.settings) values[key].insert(value);
  }
  std::set<std::string> keys;
  for (const auto& [key, found] : values) {
    if (found.size() > 1) keys.insert(key);
  }
  return keys;
}

/// "sampler.nuts.step_size" belongs to the rows of nuts alone, "sampler.names" to none: they are named by it.
std::string words_of(const ChainCellRecord& cell, const std::set<std::string>& keys, const std::string& sampler) {
  std::string text;
  for (const auto& [key, value] : cell.settings) {
    if (!keys.contains(key) || of_posterior(key) || key == "sampler.names") continue;
    std::string name = key.substr(key.find('.') + 1);
    if (const std::size_t dot = name.find('.'); dot != std::string::npos) {
      if (name.substr(0, dot) != sampler) continue;
      name = name.substr(dot + 1);
    }
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, value);
  }
  return text;
}

std::string problem_of(const ChainCellRecord& cell, const std::set<std::string>& keys) {
  std::string heading = cell.model;
  if (cell.rows > 0) heading += fmt::format(", N = {}", cell.rows);
  for (const auto& [key, value] : cell.settings) {
    if (keys.contains(key) && of_posterior(key) && key != "model.name") heading += fmt::format(", {} = {}", key, value);
  }
  return heading;
}

bool stops(const ChainCellRecord& cell) {
  return std::any_of(cell.settings.begin(), cell.settings.end(), [](const auto& setting) {
    return setting.first == "sampler.stop" && setting.second.find("never") == std::string::npos;
  });
}

}  // namespace

std::vector<SamplerEntry> summarise_chains(const std::vector<ChainCellRecord>& cells) {
  const std::set<std::string> keys = differing(cells);
  std::vector<SamplerEntry> entries;
  for (const ChainCellRecord& cell : cells) {
    for (const ChainsRecord& chains : cell.samplers) {
      SamplerEntry entry;
      entry.summary = summary_of_record(cell, chains);
      entry.most_draws = cell.draws;
      entry.stops = stops(cell);
      entry.problem = problem_of(cell, keys);
      entry.variant = words_of(cell, keys, chains.sampler);
      entry.core_seconds = chains.seconds * static_cast<double>(cell.processors);
      entry.warmup_core_seconds = chains.warmup_seconds * static_cast<double>(cell.processors);
      entry.bytes_sent = chains.bytes_sent;
      entry.reference_mean = cell.target.mean;
      entry.reference_sd = cell.target.sd;
      entry.reference_mean_error = cell.target.mean_error;
      entry.reference_sd_error = cell.target.sd_error;
      entry.reference = cell.target.moments;
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

std::vector<FitCellRecord> predictions_of_chains(const std::vector<ChainCellRecord>& cells) {
  std::vector<FitCellRecord> made;
  for (const ChainCellRecord& cell : cells) {
    if (cell.predicted.empty()) continue;
    FitCellRecord fits;
    fits.id = cell.id;
    fits.settings = cell.settings;
    fits.model = cell.model;
    fits.rows = cell.rows;
    fits.repeats = 1;
    fits.predicted = cell.predicted;
    fits.covariate = cell.covariate;
    fits.predictive_draws = cell.predictive_draws;
    fits.exclusions = cell.exclusions;
    for (const ChainsRecord& chains : cell.samplers) {
      fits.estimators.push_back(chains.sampler);
      FitRecord& fit = fits.fits.emplace_back();
      fit.resize(fits.extents());
      fit.predictive = chains.predictive;
      fit.predicted_rows = chains.predicted_rows;
    }
    made.push_back(std::move(fits));
  }
  return made;
}

store::TraceLayout layout_of_record(const ChainCellRecord& cell, const ChainsRecord& chains) {
  store::TraceLayout layout;
  layout.id = chains.trace;
  layout.chains = cell.chains;
  layout.first_chain = cell.first_chain;
  store::TraceGroup posterior{"posterior", chains.stored, 0, 1, {}};
  for (const StoredVariable& variable : cell.variables) posterior.variables.push_back({variable.name, "", "1", variable.shape});
  layout.groups.push_back(std::move(posterior));
  return layout;
}

}  // namespace variscope::experiments
