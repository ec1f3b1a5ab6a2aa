/// Panels of lines with intervals on a logarithmic scale: what most figures are, as a data file and a gnuplot program.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/diagnostics/estimate.hpp"

namespace variscope::experiments {

/// What to draw, as texts.
struct Figure {
  std::string name;        ///< "variance": of its files NAME.csv, NAME.gp, NAME.svg, NAME.pdf
  std::string data;        ///< CSV that the program reads
  std::string script;      ///< gnuplot program; draws NAME.svg, or the file that the variable `picture` names (.svg, .pdf, .png)
  std::string title = {};  ///< what it shows, in words
};

struct ChartPoint {
  std::string cell;   ///< "cell_000"
  std::string point;  ///< "50 %"
  double x = 0;
  diagnostics::Estimate value;
  std::string flag;  ///< replaces the estimate's, and nothing is drawn: "biased"; else empty
};

/// style: gives colour, shape and dashes, so that a name looks the same in every panel.
struct ChartSeries {
  std::string name;
  std::size_t style = 0;
  std::vector<ChartPoint> points = {};
  bool guide = false;  ///< a grey dashed line without markers and intervals: a rate, a floor
};

struct ChartPanel {
  std::string heading;
  std::vector<ChartSeries> series = {};
  std::vector<std::string> ticks = {};  ///< names of x = 0, 1, ...; empty: numbers
};

struct Chart {
  std::string name;  ///< of the figure
  std::string title;
  std::string x_label;
  std::string y_label;
  bool log_x = false;
  bool wide_names = false;  ///< of series: the key stands below the panels
  std::vector<ChartPanel> panels = {};
  bool decades = false;  ///< of a logarithmic x axis: powers of ten, not of two
};

/// Panels in a figure; the data file holds all.
inline constexpr std::size_t most_panels = 12;

/// Undefined values and zeros are in the data, with their flag, but not drawn.
Figure draw(const Chart& chart);

/// First lines of a program: terminal by the ending of `picture`, output, separator, grid.
/// panels: of the whole figure, shown two abreast up to most_panels; the title says if there are more. key_lines: of a key below each
/// panel, for which there is room to be made. Ends inside a multiplot.
std::string script_head(const std::string& name, const std::string& heading, std::size_t all_panels, std::size_t key_lines = 0);
/// "lc rgb '#0072B2' pt 7 dt 1": colour, shape and dashes of a style, all different for the first 49.
std::string style_of(std::size_t style);
std::string colour_of(std::size_t style);
/// Commands for the range and ticks of a logarithmic y axis: over less than two decades powers of ten alone would leave it bare.
std::string log_axis(double lowest, double highest);
/// A CSV field that gnuplot reads too.
std::string csv_quoted(const std::string& text);
/// "value,lower,upper" with all digits, the value thrice if it has no interval; two commas if it cannot be drawn.
std::string csv_interval(const diagnostics::Estimate& value);

}  // namespace variscope::experiments
