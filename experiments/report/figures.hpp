/// All figures of a run that it has the data for.
#pragma once

#include <vector>

#include "experiments/report/chart.hpp"
#include "experiments/report/predictions.hpp"
#include "experiments/report/summaries.hpp"

namespace variscope::experiments {

/// "variance": tr Var along the points of the path, a panel per cell. There unless all cells have one point and a sweep draws them.
/// Estimators that failed the bias gate, are declared biased, or have no variance at all are in the data, with a flag, but not drawn: in
/// this figure and in all others.
Figure variance_figure(const std::vector<CellSummary>& cells, const ReportContext& context);

/// "samples": M tr Var against M, where cells differ in estimators.samples alone. Flat: Monte Carlo's rate; falling: a better one.
std::vector<Figure> samples_figures(const std::vector<CellSummary>& cells, const ReportContext& context);

/// "replicas": tr Var against R at the last point, one line per policy, with the ideal 1 / R and the floor s2_e / M of shared noise.
std::vector<Figure> replicas_figures(const Predictions& predictions, const ReportContext& context);

/// "components": what Monte Carlo noise, data noise and their interaction make of the variance, stacked along the points.
std::vector<Figure> components_figures(const Predictions& predictions, const ReportContext& context);

/// "work": variance times evaluations over the baseline's at the last point, a bar per estimator. None where there is nothing to compare.
std::vector<Figure> work_figures(const std::vector<CellSummary>& cells, const ReportContext& context);

/// "model_KEY": tr Var against a number of the model, where cells differ in that alone.
std::vector<Figure> model_figures(const std::vector<CellSummary>& cells, const ReportContext& context);

/// All of them.
std::vector<Figure> report_figures(const std::vector<CellSummary>& cells, const Predictions& predictions, const ReportContext& context);

/// Estimators of all cells in order of first appearance: one style each in every panel of every figure.
std::vector<std::string> estimator_names(const std::vector<CellSummary>& cells);
/// Why a summary's variance is not drawn, or "".
std::string flag_of(const diagnostics::EstimatorSummary& e);

}  // namespace variscope::experiments
