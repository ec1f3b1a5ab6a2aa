/// Figure: tr Var against the number of replicas under every policy.
#include <fmt/format.h>

#include <algorithm>

#include "experiments/report/figures.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Estimate;
using diagnostics::RowPolicy;
using diagnostics::ScalingPoint;
using diagnostics::ScalingSummary;

std::string policy_name(const ScalingPoint& point) {
  std::string name = "noise " + to_text(point.check.policy.noise);
  if (point.check.setting.batch_rows > 0) {
    name += ", rows " + to_text(point.check.policy.rows);
  }
  return name;
}

Estimate exact(double value) {
  Estimate estimate;
  estimate.value = value;
  estimate.reliability = diagnostics::Reliability::reliable;
  return estimate;
}

/// The line of `value(R)` at 1 and at the most replicas.
ChartSeries guide(const std::string& name, std::size_t dashes, const ScalingSection& section, double one, double most, double at_most) {
  ChartSeries series{name, dashes, {}, true};
  series.points.push_back({section.cell, section.point, 1, exact(one), ""});
  series.points.push_back({section.cell, section.point, most, exact(at_most), ""});
  return series;
}

ChartPanel panel_of(const ScalingSection& section, const ScalingSummary& summary, const Predictions& predictions,
                    std::vector<std::string>& policies) {
  ChartPanel panel{fmt::format("{}: {}, point {}", summary.estimator, section.heading, section.point)};
  double most = 1;
  const ScalingPoint* one = nullptr;
  std::vector<std::string> own;
  for (const ScalingPoint& point : summary.points) {
    most = std::max(most, static_cast<double>(point.check.setting.replicas));
    if (point.check.setting.replicas == 1) {
      one = one == nullptr ? &point : one;
      continue;
    }
    const std::string name = policy_name(point);
    for (std::vector<std::string>* list : {&policies, &own}) {
      if (std::find(list->begin(), list->end(), name) == list->end()) {
        list->push_back(name);
      }
    }
  }
  for (const std::string& name : own) {
    ChartSeries series{name, static_cast<std::size_t>(std::find(policies.begin(), policies.end(), name) - policies.begin())};
    for (const ScalingPoint& point : summary.points) {
      // All policies begin at the same replica, drawn with replacement or not.
      const bool replaced = name.ends_with("with replacement");
      const bool begins = point.check.setting.replicas == 1 && (point.check.policy.rows == RowPolicy::with_replacement) == replaced;
      if (begins || (point.check.setting.replicas > 1 && policy_name(point) == name)) {
        series.points.push_back(
            {section.cell, section.point, static_cast<double>(point.check.setting.replicas), point.check.comparison.measured, ""});
      }
    }
    std::sort(series.points.begin(), series.points.end(), [](const ChartPoint& a, const ChartPoint& b) { return a.x < b.x; });
    panel.series.push_back(std::move(series));
  }
  if (one != nullptr && one->check.comparison.measured.defined()) {
    const double value = one->check.comparison.measured.value;
    panel.series.push_back(guide("ideal, 1 / R", 0, section, value, most, value / most));
  }
  for (const ComponentPoint& point : predictions.components) {
    for (const auto& components : point.estimators) {
      // The floor is that of the M measured here.
      const bool same = components.estimator == summary.estimator && point.point == section.point && !summary.points.empty() &&
                        components.setting.samples == summary.points.front().check.setting.samples &&
                        components.setting.rows == summary.points.front().check.setting.rows && !components.setting.own_noise_per_row &&
                        section.cells.contains(point.cell);
      const double floor = components.total.estimates.monte_carlo.value / static_cast<double>(components.setting.samples);
      if (same && floor > 0) {
        panel.series.push_back(guide("floor s2_e / M", 1, section, floor, most, floor));
        return panel;
      }
    }
  }
  return panel;
}

}  // namespace

std::vector<Figure> replicas_figures(const Predictions& predictions, const ReportContext& context) {
  Chart chart{"replicas",   context.study + ": variance against replicas at the path's last point, 95 % intervals",
              "replicas R", "tr Var of the mean over R",
              true,         true};
  std::vector<std::string> policies;
  for (std::size_t i = 0; i < predictions.scaling.size(); ++i) {
    const ScalingSection& section = predictions.scaling[i];
    if (i + 1 < predictions.scaling.size() && predictions.scaling[i + 1].cell == section.cell) {
      continue;
    }
    for (const ScalingSummary& summary : section.estimators) {
      chart.panels.push_back(panel_of(section, summary, predictions, policies));
    }
  }
  return chart.panels.empty() ? std::vector<Figure>{} : std::vector<Figure>{draw(chart)};
}

}  // namespace variscope::experiments
