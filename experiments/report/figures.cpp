/// All figures of a run that it has the data for.
#include "experiments/report/figures.hpp"

#include <algorithm>

namespace variscope::experiments {

using diagnostics::Verdict;

std::vector<std::string> estimator_names(const std::vector<CellSummary>& cells) {
  std::vector<std::string> names;
  for (const CellSummary& cell : cells) {
    for (const auto& point : cell.points) {
      for (const auto& e : point.estimators) {
        if (std::find(names.begin(), names.end(), e.name) == names.end()) {
          names.push_back(e.name);
        }
      }
    }
  }
  return names;
}

std::string flag_of(const diagnostics::EstimatorSummary& e) {
  if (e.declared_biased) {
    return "declared biased";
  }
  return e.bias.verdict == Verdict::unbiased ? "" : (e.bias.verdict == Verdict::biased ? "biased" : "undecided");
}

std::vector<Figure> report_figures(const std::vector<CellSummary>& cells, const Predictions& predictions, const ReportContext& context) {
  std::vector<std::vector<Figure>> sweeps = {samples_figures(cells, context), model_figures(cells, context),
                                             replicas_figures(predictions, context)};
  const bool swept = std::any_of(sweeps.begin(), sweeps.end(), [](const auto& figures) { return !figures.empty(); });
  const bool along = std::any_of(cells.begin(), cells.end(), [](const CellSummary& cell) { return cell.points.size() > 1; });
  std::vector<Figure> figures;
  // Single points are no course: a panel for each would show little, and what tells the cells apart is drawn by the sweeps.
  if (along || !swept) figures.push_back(variance_figure(cells, context));
  sweeps.insert(sweeps.begin(), work_figures(cells, context));
  sweeps.push_back(components_figures(predictions, context));
  for (std::vector<Figure>& more : sweeps) {
    for (Figure& figure : more) {
      figures.push_back(std::move(figure));
    }
  }
  return figures;
}

}  // namespace variscope::experiments
