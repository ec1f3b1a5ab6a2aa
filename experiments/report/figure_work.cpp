/// Figure: work-normalised variance at the last point, a bar per estimator.
#include <fmt/format.h>

#include <algorithm>

#include "experiments/report/figures.hpp"
#include "experiments/report/gnuplot_text.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Reliability;

bool drawable(const diagnostics::EstimatorSummary& e) {
  return flag_of(e).empty() && e.work_ratio.defined() && e.work_ratio.reliability != Reliability::zero;
}

}  // namespace

std::vector<Figure> work_figures(const std::vector<CellSummary>& cells, const ReportContext& context) {
  Figure figure{"work", "cell,estimator,position,point,value,lower,upper,flag\n", ""};
  const std::vector<std::string> names = estimator_names(cells);
  std::vector<std::string> panels;
  std::size_t row = 0;
  for (const CellSummary& cell : cells) {
    if (cell.points.empty()) {
      continue;
    }
    const auto& point = cell.points.back();
    std::string ticks;
    std::string bars;
    std::string intervals;
    std::size_t position = 0;
    double lowest = 1;  // where the bars begin
    double highest = 1;
    for (const auto& e : point.estimators) {
      const bool drawn = drawable(e);
      const std::string flag = flag_of(e);
      figure.data += fmt::format("{},{},{},{},{},{}\n", csv_quoted(cell.cell->id), csv_quoted(e.name),
                                 drawn ? fmt::to_string(position) : "", csv_quoted(point.label), drawn ? csv_interval(e.work_ratio) : ",,",
                                 flag.empty() ? to_text(e.work_ratio.reliability) : flag);
      if (drawn) {
        const auto style = static_cast<std::size_t>(std::find(names.begin(), names.end(), e.name) - names.begin());
        const std::string rows = fmt::format("'work.csv' skip 1 every ::{0}::{0} using", row);
        ticks += fmt::format("{}{} {}", ticks.empty() ? "" : ", ", tick_label(e.name), position);
        bars += fmt::format("{} 3:5:($3-0.35):($3+0.35):(1):5 with boxxyerror lc rgb '{}' fs solid 0.6 noborder notitle, \\\n     ", rows,
                            colour_of(style));
        intervals += fmt::format("{} 3:6:(0):($7-$6) with vectors nohead lw 1.8 lc rgb '#000000' notitle, \\\n     ", rows);
        lowest = std::min(lowest, e.work_ratio.has_interval() ? e.work_ratio.lower : e.work_ratio.value);
        highest = std::max(highest, e.work_ratio.has_interval() ? e.work_ratio.upper : e.work_ratio.value);
        ++position;
      }
      ++row;
    }
    if (position > 1) {
      panels.push_back(fmt::format(
          "set title {} font ',11' noenhanced\nset xtics ({}) rotate by -35 noenhanced\nset xrange [-0.6:{}.6]\n"
          "set ylabel {} noenhanced\n{}plot {}{}1 lw 1.2 lc rgb '#000000' notitle\n",
          two_lines(fmt::format("{}, point {}", cell.heading, point.label)), ticks, position - 1,
          single_quoted(fmt::format("variance x evaluations over {}'s", point.baseline)), log_axis(lowest, highest), bars, intervals));
    }
  }
  if (panels.empty()) {
    return {};
  }
  const std::size_t shown = std::min(panels.size(), most_panels);
  figure.title = context.study + ": work-normalised variance at the path's last point, 95 % intervals";
  figure.script = script_head(figure.name, figure.title, panels.size());
  figure.script += "set logscale y\nunset key\n";
  for (std::size_t k = 0; k < shown; ++k) {
    figure.script += panels[k];
  }
  figure.script += "unset multiplot\n";
  return {figure};
}

}  // namespace variscope::experiments
