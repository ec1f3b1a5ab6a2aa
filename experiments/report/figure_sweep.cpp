/// Figures against one swept number: the samples M, or a number of the model.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>

#include "experiments/report/figures.hpp"
#include "experiments/report/same_path.hpp"

namespace variscope::experiments {

namespace {

/// The cell's number under this key; nothing if it is a list or a word.
std::optional<double> number_of(const CellRecord& cell, const std::string& key) {
  for (const auto& [name, text] : cell.settings) {
    if (name == key) {
      char* end = nullptr;
      const double value = std::strtod(text.c_str(), &end);
      return end != text.c_str() && *end == '\0' ? std::optional<double>(value) : std::nullopt;
    }
  }
  return std::nullopt;
}

/// One line per estimator against `key` in every group of cells that differ in it alone, every point a panel. factor: of the variance,
/// from the cell.
Chart sweep_chart(const std::vector<CellSummary>& cells, const std::string& key, double (*factor)(const CellRecord&)) {
  Chart chart;
  std::vector<const CellRecord*> records;
  for (const CellSummary& cell : cells) {
    records.push_back(cell.cell);
  }
  std::set<std::string> differing = differing_settings(records);
  differing.erase(key);
  const std::vector<std::string> names = estimator_names(cells);
  const auto free = [&](const std::string& other) {
    return other == key || other == "estimators.names" || (measuring(other) && !other.starts_with("estimators."));
  };
  double lowest = INFINITY;
  double highest = -INFINITY;
  for (const auto& group : groups_of(cells, free)) {
    std::map<double, const CellSummary*> by_number;
    for (const CellSummary* cell : group) {
      if (const auto x = number_of(*cell->cell, key)) {
        by_number.emplace(*x, cell);
      }
    }
    if (by_number.size() < 2) {
      continue;
    }
    lowest = std::min(lowest, by_number.begin()->first);
    highest = std::max(highest, by_number.rbegin()->first);
    const CellSummary& first = *by_number.begin()->second;
    for (const auto& point : first.points) {
      std::string heading = fmt::format("{}, {}", first.cell->model, first.cell->family);
      if (first.cell->rows > 0) {
        heading += fmt::format(", B = {}", first.cell->batch_rows > 0 ? fmt::to_string(first.cell->batch_rows) : "all rows");
      }
      for (const auto& [name, value] : first.cell->settings) {
        const bool apart = free(name) || name == "model.name" || name == "family.name" || name == "estimators.batch_rows";
        heading += differing.contains(name) && !apart ? ", " + setting_in_words(name, value) : "";
      }
      ChartPanel panel{fmt::format("{}, point {}", heading, point.label)};
      for (std::size_t k = 0; k < names.size(); ++k) {
        ChartSeries series{names[k], k};
        for (const auto& [x, cell] : by_number) {
          for (const auto& there : cell->points) {
            for (const auto& e : there.estimators) {
              if (there.label == point.label && e.name == names[k]) {
                series.points.push_back({cell->cell->id, there.label, x, diagnostics::scaled(e.total, factor(*cell->cell)), flag_of(e)});
              }
            }
          }
        }
        panel.series.push_back(std::move(series));
      }
      chart.panels.push_back(std::move(panel));
    }
  }
  chart.x_label = key;
  chart.log_x = lowest > 0 && highest > 10 * lowest;
  return chart;
}

}  // namespace

std::vector<Figure> samples_figures(const std::vector<CellSummary>& cells, const ReportContext& context) {
  Chart chart = sweep_chart(cells, "estimators.samples", [](const CellRecord& cell) { return static_cast<double>(cell.samples); });
  if (chart.panels.empty()) {
    return {};
  }
  chart.name = "samples";
  chart.title = context.study + ": M x variance against M (flat: the rate 1 / M), 95 % intervals";
  chart.x_label = "samples M";
  chart.y_label = "M x trace of the variance of one call";
  chart.log_x = true;
  return {draw(chart)};
}

std::vector<Figure> model_figures(const std::vector<CellSummary>& cells, const ReportContext& context) {
  std::vector<const CellRecord*> records;
  for (const CellSummary& cell : cells) {
    records.push_back(cell.cell);
  }
  std::vector<Figure> figures;
  for (const std::string& key : differing_settings(records)) {
    if (!key.starts_with("model.") || key == "model.name") {
      continue;
    }
    Chart chart = sweep_chart(cells, key, [](const CellRecord&) { return 1.0; });
    if (chart.panels.empty()) {
      continue;
    }
    chart.name = "model_" + key.substr(std::string("model.").size());
    chart.title = fmt::format("{}: variance against {}, 95 % intervals", context.study, key);
    chart.y_label = "trace of the variance of one call";
    figures.push_back(draw(chart));
  }
  return figures;
}

}  // namespace variscope::experiments
