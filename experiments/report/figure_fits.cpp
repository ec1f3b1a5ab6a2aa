/// Figures: the gap to the optimum against evaluations, and against seconds.
#include "experiments/report/figure_fits.hpp"

#include <algorithm>
#include <cmath>

#include "experiments/report/figure_course.hpp"

namespace variscope::experiments {

namespace {

/// Lines that a panel can show side by side.
constexpr std::size_t kMostSeries = 6;

Figure gap_figure(const std::vector<FitProblem>& problems, const std::string& name, const std::string& title, const std::string& x_label,
                  bool seconds) {
  Chart chart{name, title, x_label, "optimum minus objective (nat)", true};
  chart.decades = true;
  chart.wide_names = true;
  std::vector<std::string> names;
  for (const FitProblem& problem : problems) {
    // Many settings of many estimators: a panel for each estimator, in which a setting has the same style as in the others.
    const bool apart = problem.groups.size() > kMostSeries && problem.groups.front().name() != problem.groups.back().name();
    ChartPanel panel{problem.heading};
    const std::string* estimator = nullptr;
    for (const FitGroup& group : problem.groups) {
      if (apart && (estimator == nullptr || *estimator != group.name())) {
        if (estimator != nullptr) chart.panels.push_back(std::move(panel));
        panel = ChartPanel{problem.heading + ", " + group.name()};
        estimator = &group.name();
      }
      const std::string label = apart ? group.variant : group.name() + (group.variant.empty() ? "" : ", " + group.variant);
      auto place = std::find(names.begin(), names.end(), label);
      if (place == names.end()) place = names.insert(names.end(), label);
      ChartSeries series{label, static_cast<std::size_t>(place - names.begin())};
      const FitCellRecord& cell = *group.cell;
      // Step 0 has no place on a logarithmic axis.
      for (std::size_t t = 1; t < cell.trace.size(); ++t) {
        const auto x = over_repeats(of_converged(group, [&](const FitRecord& fit) {
          if (!std::isfinite(fit.objective[t])) return std::nan("");
          return seconds ? fit.seconds[t] : evaluations_at(cell, fit, static_cast<Index>(t));
        }));
        auto gap = over_repeats(of_converged(group, [&](const FitRecord& fit) { return problem.optimum - fit.objective[t]; }));
        if (!x.defined() || !(x.value > 0) || !gap.defined()) continue;
        const std::string flag = gap.value > 0 ? "" : "not positive";
        // An interval that reaches zero has no lower end on a logarithmic axis.
        if (gap.has_interval() && gap.lower <= 0) gap.lower = gap.value / 1e3;
        series.points.push_back({cell.id, std::to_string(cell.trace[t]), x.value, gap, flag});
      }
      panel.series.push_back(std::move(series));
    }
    chart.panels.push_back(std::move(panel));
  }
  return draw(chart);
}

}  // namespace

std::vector<Figure> fit_figures(const std::vector<FitProblem>& problems, const ReportContext& context) {
  if (problems.empty()) return {};
  std::vector<Figure> figures = {
      gap_figure(problems, "gap_evaluations", context.study + ": way to the optimum, 95 % intervals over repeats",
                 "gradients of one sample over all rows", false),
      gap_figure(problems, "gap_seconds", context.study + ": way to the optimum, 95 % intervals over repeats", "seconds", true)};
  for (Figure& figure : course_figures_of(problems, context)) figures.push_back(std::move(figure));
  return figures;
}

}  // namespace variscope::experiments
