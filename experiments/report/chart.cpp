/// Panels of lines with intervals on a logarithmic scale: what most figures are, as a data file and a gnuplot program.
#include "experiments/report/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "experiments/report/gnuplot_text.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Estimate;
using diagnostics::Reliability;

/// Colours that stay apart for colour-blind readers. Source: Okabe & Ito 2008, Color Universal Design.
constexpr std::array<const char*, 7> colours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};
/// Shapes, so that colour is not the only difference (gnuplot's point types).
constexpr std::array<int, 7> shapes = {7, 5, 9, 11, 13, 6, 4};

/// Rows of the data file that make one line of one panel.
struct Line {
  const ChartSeries* series = nullptr;
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t drawn = 0;
};

/// gnuplot gives up on a number that is not finite.
bool drawable(const ChartPoint& point) {
  const Estimate& v = point.value;
  const bool finite =
      std::isfinite(point.x) && std::isfinite(v.value) && (!v.has_interval() || (std::isfinite(v.lower) && std::isfinite(v.upper)));
  return point.flag.empty() && v.defined() && finite && v.reliability != Reliability::zero;
}

std::string plot_of(const Line& line, const std::string& data_file) {
  const std::string rows = fmt::format("{} skip 1 every ::{}::{} using", single_quoted(data_file), line.first, line.last);
  const std::string title = fmt::format("title {} noenhanced", single_quoted(line.series->name));
  return line.series->guide ? fmt::format("{} 3:5 with lines lw 1.4 dt {} lc rgb '#666666' {}", rows, 2 + line.series->style % 3, title)
                            : fmt::format("{} 3:5:6:7 with yerrorlines lw 1.6 ps 0.8 {} {}", rows, style_of(line.series->style), title);
}

/// Smallest and largest of what is drawn along an axis.
struct Extent {
  double lowest = INFINITY;
  double highest = 0;
  void add(double low, double high) {
    lowest = std::min(lowest, low);
    highest = std::max(highest, high);
  }
};

/// The numbers that were swept are the ticks.
std::string x_axis(const Chart& chart, const ChartPanel& panel) {
  if (!panel.ticks.empty()) {
    std::string ticks;
    for (std::size_t i = 0; i < panel.ticks.size(); ++i) {
      ticks += fmt::format("{}{} {}", i == 0 ? "" : ", ", tick_label(panel.ticks[i]), i);
    }
    return fmt::format("set xtics ({})\nset xrange [-0.4:{}.4]\n", ticks, panel.ticks.size() - 1);
  }
  std::set<double> values;
  for (const ChartSeries& series : panel.series) {
    for (const ChartPoint& point : series.points) {
      values.insert(point.x);
    }
  }
  constexpr std::size_t crowded = 12;
  if (values.empty() || values.size() > crowded) {
    return "set xtics autofreq\nset xrange [*:*]\n";
  }
  std::string ticks;
  for (const double value : values) {
    ticks += fmt::format("{}{:g}", ticks.empty() ? "" : ", ", value);
  }
  const double first = *values.begin();
  const double last = *values.rbegin();
  const double margin = chart.log_x ? std::pow(last / first, 0.06) : 0.06 * (last - first);
  return fmt::format("set xtics ({})\nset xrange [{:g}:{:g}]\n", ticks, chart.log_x ? first / margin : first - margin,
                     chart.log_x ? last * margin : last + margin);
}

std::string panel_script(const Chart& chart, const ChartPanel& panel, const std::vector<Line>& lines, const std::string& data_file) {
  std::string text = fmt::format("set title {} font ',11' noenhanced\n", two_lines(panel.heading));
  text += x_axis(chart, panel);
  Extent extent;
  for (const ChartSeries& series : panel.series) {
    for (const ChartPoint& point : series.points) {
      if (drawable(point)) {
        extent.add(point.value.has_interval() ? point.value.lower : point.value.value,
                   point.value.has_interval() ? point.value.upper : point.value.value);
      }
    }
  }
  text += log_axis(extent.lowest, extent.highest);
  std::string plots;
  for (const Line& line : lines) {
    if (line.drawn > 0) {
      plots += (plots.empty() ? "plot " : ", \\\n     ") + plot_of(line, data_file);
    }
  }
  // Nothing to draw: an empty panel that says so.
  return text + (plots.empty()
                     ? "set label 1 'no unbiased estimator with a variance' at graph 0.5,0.5 center\nplot [1:10][1:10] 1/0 notitle\n"
                       "unset label 1\n"
                     : plots + "\n");
}

}  // namespace

std::string log_axis(double lowest, double highest) {
  constexpr double wide = 100;
  if (!(lowest > 0) || !std::isfinite(highest) || highest > wide * lowest) {
    return "set yrange [*:*]\nset ytics autofreq\nset format y '10^{%T}'\n";
  }
  std::string ticks;
  for (int power = static_cast<int>(std::floor(std::log10(lowest))) - 1; power <= static_cast<int>(std::log10(highest)) + 1; ++power) {
    for (const int digit : {1, 2, 5}) {
      ticks += fmt::format("{}{}e{}", ticks.empty() ? "" : ", ", digit, power);
    }
  }
  constexpr double room = 1.6;
  // %g would write some ticks of an axis with an exponent and others without.
  const bool exponents = highest * room >= 1e6 || lowest / room < 1e-4;
  return fmt::format("set yrange [{:g}:{:g}]\nset format y '{}'\nset ytics ({})\n", lowest / room, highest * room,
                     exponents ? "%.0t·10^{%T}" : "%.10g", ticks);
}

std::string colour_of(std::size_t style) { return colours[style % colours.size()]; }

std::string style_of(std::size_t style) {
  const std::size_t turn = style / colours.size();
  return fmt::format("lc rgb '{}' pt {} dt {}", colour_of(style), shapes[(style + turn) % shapes.size()], 1 + turn % 5);
}

std::string csv_quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    result += c == '"' ? '\'' : c;
  }
  return result + "\"";
}

std::string csv_interval(const Estimate& value) {
  if (!value.defined()) {
    return ",,";
  }
  return fmt::format("{:.17g},{:.17g},{:.17g}", value.value, value.has_interval() ? value.lower : value.value,
                     value.has_interval() ? value.upper : value.value);
}

std::string script_head(const std::string& name, const std::string& heading, std::size_t all_panels, std::size_t key_lines) {
  const std::size_t panels = std::min(all_panels, most_panels);
  const std::string title =
      panels < all_panels ? fmt::format("{} (the first {} of {} panels; {}.csv holds all)", heading, panels, all_panels, name) : heading;
  const std::size_t across = panels <= 1 ? 1 : 2;
  const std::size_t down = std::max<std::size_t>((panels + across - 1) / across, 1);
  const std::size_t width = across * 720;
  constexpr std::size_t line = 18;
  const std::size_t height = 60 + down * (420 + key_lines * line);
  return fmt::format(
      "# {0}\n# Another format: gnuplot -e \"picture='{1}.pdf'\" {1}.gp\n"
      "if (!exists('picture')) picture = '{1}.svg'\n"
      "if (strstrt(picture, '.pdf') > 0) {{ set terminal pdfcairo size {2:.2f}in,{3:.2f}in font 'Helvetica,12' background '#ffffff' }}\n"
      "if (strstrt(picture, '.png') > 0) {{ set terminal pngcairo size {4},{5} font 'Helvetica,12' background '#ffffff' }}\n"
      "if (strstrt(picture, '.svg') > 0) {{ set terminal svg size {4},{5} font 'Helvetica,12' background '#ffffff' }}\n"
      "set output picture\nset datafile separator ','\nset datafile missing ''\nset encoding utf8\n"
      "set grid ytics lc rgb '#dddddd'\nset border 3\nset tics nomirror\n"
      "set key outside right center reverse Left samplen 2\nset bars small\nset pointintervalbox 0\n"
      "set multiplot layout {6},{7} title {8} font ',14' noenhanced\n",
      title, name, static_cast<double>(width) / 72, static_cast<double>(height) / 72, width, height, down, across, single_quoted(title));
}

Figure draw(const Chart& chart) {
  Figure figure{chart.name, "cell,series,x,point,value,lower,upper,flag\n", ""};
  const std::string data_file = chart.name + ".csv";
  std::string panels;
  std::size_t row = 0;
  std::size_t key_lines = 0;
  for (std::size_t k = 0; k < chart.panels.size(); ++k) {
    std::vector<Line> lines;
    for (const ChartSeries& series : chart.panels[k].series) {
      Line line{&series, row, row, 0};
      for (const ChartPoint& point : series.points) {
        const bool drawn = drawable(point);
        figure.data +=
            fmt::format("{},{},{},{},{},{}\n", csv_quoted(point.cell), csv_quoted(series.name),
                        std::isfinite(point.x) ? fmt::format("{:.6g}", point.x) : "", csv_quoted(point.point),
                        drawn ? csv_interval(point.value) : ",,", point.flag.empty() ? to_text(point.value.reliability) : point.flag);
        line.drawn += drawn ? 1 : 0;
        line.last = row++;
      }
      if (!series.points.empty()) {
        lines.push_back(line);
      }
    }
    if (k < most_panels) {
      const auto drawn = std::count_if(lines.begin(), lines.end(), [](const Line& line) { return line.drawn > 0; });
      key_lines = std::max(key_lines, chart.wide_names ? 1 + static_cast<std::size_t>(drawn) : 0);
      panels += panel_script(chart, chart.panels[k], lines, data_file);
    }
  }
  figure.title = chart.title;
  figure.script = script_head(chart.name, chart.title, chart.panels.size(), key_lines);
  // A number needs an exponent only where there are many powers of ten.
  figure.script += fmt::format("{}{}set ylabel {} noenhanced\nset xlabel {} offset 0,{} noenhanced\n", "set logscale y\n",
                               chart.log_x ? (chart.decades ? "set logscale x 10\nset format x '10^{%T}'\n" : "set logscale x 2\n") : "",
                               single_quoted(chart.y_label), single_quoted(chart.x_label), chart.wide_names ? 0.3 : 0);
  // The empty title keeps the first name off the label of the x axis.
  figure.script += chart.wide_names ? "set key outside below center vertical maxcols 1 reverse Left title ' '\n" : "";
  figure.script += panels + "unset multiplot\n";
  return figure;
}

}  // namespace variscope::experiments
