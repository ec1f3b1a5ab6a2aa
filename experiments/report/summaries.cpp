/// What the tables and figures are made from: every cell's summaries, computed once, with its heading and its baseline.
#include "experiments/report/summaries.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/estimators/estimator.hpp"

namespace variscope::experiments {

namespace {

/// Settings that the heading shows anyway, or that say nothing about a gradient.
bool apart(const std::string& key) {
  static const std::set<std::string> shown = {"model.name",       "family.name",      "estimators.samples", "estimators.batch_rows",
                                              "estimators.names", "replicates.count", "replicates.batches"};
  return shown.contains(key) || key.starts_with("components.");
}

bool ran(const CellRecord& cell, const std::string& name) {
  for (const PointRecord& point : cell.points) {
    for (const EstimatorRecord& e : point.estimators) {
      if (e.name == name) {
        return true;
      }
    }
  }
  return false;
}

std::string baseline_of(const CellRecord& cell, const std::string& wanted) {
  for (const std::string& name : {wanted, std::string("iwae"), std::string("sf_loo"), std::string("sf_raw")}) {
    if (ran(cell, name)) {
      return name;
    }
  }
  for (const PointRecord& point : cell.points) {
    for (const EstimatorRecord& e : point.estimators) {
      if (!declared_biased(e.name)) {
        return e.name;
      }
    }
  }
  return wanted;
}

}  // namespace

std::string setting_in_words(const std::string& key, const std::string& value) {
  static const std::map<std::string, std::string> words = {
      {"estimators.replicas", "R = "}, {"estimators.noise_policy", "noise "}, {"estimators.row_policy", "rows "}};
  const auto found = words.find(key);
  if (found == words.end()) {
    return fmt::format("{} = {}", key, value);
  }
  std::string plain = value;
  std::replace(plain.begin(), plain.end(), '_', ' ');
  return found->second + plain;
}

bool declared_biased(const std::string& estimator) {
  const estimators::Entry* entry = estimators::find(estimator);
  return entry != nullptr && entry->biased;
}

bool bounds_by_importance(const CellRecord& cell) { return cell.objective == "importance_bound"; }

std::set<std::string> differing_settings(const std::vector<const CellRecord*>& cells) {
  std::set<std::string> differing;
  for (const CellRecord* cell : cells) {
    for (const auto& setting : cell->settings) {
      for (const CellRecord* other : cells) {
        const auto same = [&](const auto& pair) { return pair == setting; };
        if (std::none_of(other->settings.begin(), other->settings.end(), same)) {
          differing.insert(setting.first);
        }
      }
    }
  }
  return differing;
}

std::string heading_of(const CellRecord& cell, const std::set<std::string>& differing, bool replicas) {
  static const std::set<std::string> of_replicas = {"estimators.replicas", "estimators.noise_policy", "estimators.row_policy"};
  std::string heading = fmt::format("{}, {}", cell.model, cell.family);
  if (cell.rows > 0) {
    heading += fmt::format(", N = {}, B = {}", cell.rows, cell.batch_rows > 0 ? fmt::to_string(cell.batch_rows) : "all rows");
  }
  heading += fmt::format(", M = {}, {} replicates", cell.samples, cell.replicates);
  for (const auto& [key, value] : cell.settings) {
    if (differing.contains(key) && !apart(key) && (replicas || !of_replicas.contains(key))) {
      heading += ", " + setting_in_words(key, value);
    }
  }
  return heading;
}

std::vector<std::string> block_names(const std::vector<const CellRecord*>& cells) {
  std::vector<std::string> names;
  for (const CellRecord* cell : cells) {
    for (const Block& block : cell->blocks) {
      if (std::find(names.begin(), names.end(), block.name) == names.end()) {
        names.push_back(block.name);
      }
    }
  }
  return names;
}

std::vector<CellSummary> summarise_cells(const std::vector<CellRecord>& cells, const ReportContext& context) {
  std::vector<const CellRecord*> all;
  for (const CellRecord& cell : cells) {
    all.push_back(&cell);
  }
  const std::set<std::string> differing = differing_settings(all);
  diagnostics::SummaryOptions options;
  options.comparisons = diagnostics::comparisons(cells);
  for (const estimators::Entry& entry : estimators::catalogue()) {
    if (entry.biased) {
      options.biased.push_back(entry.name);
    }
  }
  std::vector<CellSummary> summaries;
  for (const CellRecord& cell : cells) {
    options.baseline = baseline_of(cell, context.baseline);
    CellSummary summary{&cell, heading_of(cell, differing), {}};
    for (const PointRecord& point : cell.points) {
      summary.points.push_back(diagnostics::summarise(cell, point, options));
    }
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

}  // namespace variscope::experiments
