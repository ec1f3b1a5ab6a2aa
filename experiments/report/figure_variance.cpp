/// Figure: tr Var along the points of the path.
#include "experiments/report/figures.hpp"

namespace variscope::experiments {

Figure variance_figure(const std::vector<CellSummary>& cells, const ReportContext& context) {
  Chart chart{"variance", context.study + ": variance along the path, 95 % intervals", "point of the reference path",
              "trace of the variance of one call", false};
  const std::vector<std::string> names = estimator_names(cells);
  for (const CellSummary& cell : cells) {
    ChartPanel panel{cell.heading};
    for (const auto& point : cell.points) {
      panel.ticks.push_back(point.label);
    }
    for (std::size_t k = 0; k < names.size(); ++k) {
      ChartSeries series{names[k], k};
      // Side by side within a point, so that interval bars do not hide each other.
      const double shift = names.size() > 1 ? 0.3 * (static_cast<double>(k) / static_cast<double>(names.size() - 1) - 0.5) : 0.0;
      for (std::size_t i = 0; i < cell.points.size(); ++i) {
        for (const auto& e : cell.points[i].estimators) {
          if (e.name == names[k]) {
            series.points.push_back({cell.cell->id, cell.points[i].label, static_cast<double>(i) + shift, e.total, flag_of(e)});
          }
        }
      }
      panel.series.push_back(std::move(series));
    }
    chart.panels.push_back(std::move(panel));
  }
  return draw(chart);
}

}  // namespace variscope::experiments
