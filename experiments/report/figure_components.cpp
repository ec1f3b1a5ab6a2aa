/// Figure: what Monte Carlo noise, data noise and their interaction make of the variance, stacked along the points.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "experiments/report/dependence.hpp"
#include "experiments/report/figures.hpp"
#include "experiments/report/gnuplot_text.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::ComponentSummary;
using diagnostics::Estimate;

/// "lowest,highest" of a component's interval, stacked on what is below it.
std::string interval_on(const Estimate& share, double below) {
  return share.has_interval() ? fmt::format("{:.17g},{:.17g}", below + share.lower, below + share.upper) : ",";
}

/// One bar: position, then per component its top and its interval there. Negative estimates have no height.
std::string bar_of(const ComponentPoint& point, const ComponentSummary& e, std::size_t position) {
  std::string row = fmt::format("{},{},{},{}", csv_quoted(point.cell), csv_quoted(e.estimator), position, csv_quoted(point.point));
  double top = 0;
  for (const Estimate* share : {&e.total.shares.monte_carlo, &e.total.shares.data, &e.total.shares.interaction}) {
    const Estimate percent = share->defined() ? scaled(*share, 100) : Estimate{};
    const std::string interval = interval_on(percent, top);
    top += percent.defined() ? std::max(percent.value, 0.0) : 0.0;
    row += fmt::format(",{:.17g},{}", top, interval);
  }
  return row + fmt::format(",{}\n", e.setting.own_noise_per_row ? "Monte Carlo and interaction together" : "");
}

struct Panel {
  std::string heading;
  std::vector<std::string> ticks;
  std::size_t first = 0;
};

std::string panel_script(const Panel& panel) {
  std::string ticks;
  for (std::size_t i = 0; i < panel.ticks.size(); ++i) {
    ticks += fmt::format("{}{} {}", i == 0 ? "" : ", ", tick_label(panel.ticks[i]), i);
  }
  const std::string rows = fmt::format("'components.csv' skip 1 every ::{}::{} using", panel.first, panel.first + panel.ticks.size() - 1);
  std::string text = fmt::format("set title {} font ',11' noenhanced\nset xtics ({})\nset xrange [-0.6:{}.6]\nplot ",
                                 two_lines(panel.heading), ticks, panel.ticks.size() - 1);
  struct Part {
    const char* title;
    int bottom;  ///< column; 0: the axis
    int top;
    double shift;  ///< of the interval, so that the three do not hide each other
  };
  const std::array<Part, 3> parts = {{{"Monte Carlo", 0, 5, -0.15}, {"data", 5, 8, 0}, {"interaction", 8, 11, 0.15}}};
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const Part& part = parts[k];
    const std::string bottom = part.bottom == 0 ? "(0)" : fmt::format("{}", part.bottom);
    text += fmt::format("{} 3:{}:($3-0.35):($3+0.35):{}:{} with boxxyerror lc rgb '{}' fs solid 0.6 noborder title '{}', \\\n     ", rows,
                        part.top, bottom, part.top, colour_of(k), part.title);
  }
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const Part& part = parts[k];
    text += fmt::format("{0} ($3+{1}):{2}:(0):(${3}-${2}) with vectors nohead lw 1.8 lc rgb '#000000' notitle{4}", rows, part.shift,
                        part.top + 1, part.top + 2, k + 1 == parts.size() ? "\n" : ", \\\n     ");
  }
  return text;
}

}  // namespace

std::vector<Figure> components_figures(const Predictions& predictions, const ReportContext& context) {
  Figure figure{"components",
                "cell,estimator,position,point,top_monte_carlo,lower,upper,top_data,lower,upper,top_interaction,lower,upper,note\n", ""};
  // A panel per cell and estimator, in order of first appearance.
  std::vector<Panel> panels;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < predictions.components.size();) {
    std::size_t end = i;
    std::vector<std::string> names;
    for (; end < predictions.components.size() && predictions.components[end].cell == predictions.components[i].cell; ++end) {
      for (const ComponentSummary& e : predictions.components[end].estimators) {
        if (std::find(names.begin(), names.end(), e.estimator) == names.end()) {
          names.push_back(e.estimator);
        }
      }
    }
    for (const std::string& name : names) {
      const std::string joint = dependence_of(name).own_noise_per_row ? " (Monte Carlo and interaction together)" : "";
      Panel panel{fmt::format("{}{}: {}", name, joint, predictions.components[i].heading), {}, rows};
      for (std::size_t k = i; k < end; ++k) {
        for (const ComponentSummary& e : predictions.components[k].estimators) {
          // Of all rows there is Monte Carlo noise alone: nothing to compare.
          if (e.estimator == name && e.total.estimates.data.defined()) {
            figure.data += bar_of(predictions.components[k], e, panel.ticks.size());
            panel.ticks.push_back(predictions.components[k].point);
            ++rows;
          }
        }
      }
      if (!panel.ticks.empty()) {
        panels.push_back(std::move(panel));
      }
    }
    i = end;
  }
  if (panels.empty()) {
    return {};
  }
  const std::size_t shown = std::min(panels.size(), most_panels);
  figure.title = context.study + ": noise components of one call, 95 % intervals";
  figure.script = script_head(figure.name, figure.title, panels.size());
  figure.script +=
      "set ylabel 'share of the variance of one call (%)' noenhanced\nset xlabel 'point of the reference path' noenhanced\n"
      "set yrange [*<0:105<*]\nset ytics 0,20,100\n";
  for (std::size_t k = 0; k < shown; ++k) {
    figure.script += panel_script(panels[k]);
  }
  figure.script += "unset multiplot\n";
  return {figure};
}

}  // namespace variscope::experiments
