/// The variance figure: trace of variance along the points of the path, one line per estimator, drawn by gnuplot.
#include "experiments/report/figure.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "experiments/report/gnuplot_text.hpp"

extern char** environ;

namespace variscope::experiments {

namespace {

using diagnostics::EstimatorSummary;
using diagnostics::Reliability;
using diagnostics::Verdict;

/// Colours that stay apart for colour-blind readers. Source: Okabe & Ito 2008, Color Universal Design.
constexpr std::array<const char*, 7> colours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};
/// Shapes, so that colour is not the only difference (gnuplot's point types).
constexpr std::array<int, 7> shapes = {7, 5, 9, 11, 13, 6, 4};
constexpr std::size_t most_panels = 12;

std::string csv_quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    result += c == '"' ? '\'' : c;
  }
  return result + "\"";
}

/// Rows of the data file that make one line of one panel.
struct Line {
  std::string estimator;
  std::size_t style = 0;
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t drawn = 0;
};

std::string data_row(const std::string& cell, const EstimatorSummary& e, double position, const std::string& point, bool& drawn) {
  const bool passed = e.bias.verdict == Verdict::unbiased;
  drawn = passed && e.total.defined() && e.total.reliability != Reliability::zero;
  const std::string flag = passed ? to_text(e.total.reliability) : (e.bias.verdict == Verdict::biased ? "biased" : "undecided");
  const std::string numbers =
      drawn ? fmt::format("{:.17g},{:.17g},{:.17g}", e.total.value, e.total.has_interval() ? e.total.lower : e.total.value,
                          e.total.has_interval() ? e.total.upper : e.total.value)
            : ",,";
  return fmt::format("{},{},{:.3f},{},{},{}\n", csv_quoted(cell), csv_quoted(e.name), position, csv_quoted(point), numbers, flag);
}

/// Estimators of all cells in order of first appearance: one colour each in every panel.
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

std::string panel_script(const CellSummary& cell, const std::vector<Line>& lines, const std::string& data_file) {
  std::string ticks;
  for (std::size_t i = 0; i < cell.points.size(); ++i) {
    ticks += fmt::format("{}{} {}", i == 0 ? "" : ", ", tick_label(cell.points[i].label), i);
  }
  std::string text = fmt::format("set title {} font ',11' noenhanced\nset xtics ({})\nset xrange [-0.4:{}.4]\n", two_lines(cell.heading),
                                 ticks, cell.points.empty() ? 0 : cell.points.size() - 1);
  std::string plots;
  for (const Line& line : lines) {
    if (line.drawn > 0) {
      plots += fmt::format("{}{} skip 1 every ::{}::{} using 3:5:6:7 with yerrorlines lw 1.6 pt {} ps 0.8 lc rgb '{}' title {} noenhanced",
                           plots.empty() ? "plot " : ", \\\n     ", single_quoted(data_file), line.first, line.last,
                           shapes[line.style % shapes.size()], colours[line.style % colours.size()], single_quoted(line.estimator));
    }
  }
  // Nothing to draw: an empty panel that says so.
  return text + (plots.empty() ? "set label 1 'no unbiased estimator with a variance' at graph 0.5,0.5 center\nplot [][1:10] 1/0 notitle\n"
                                 "unset label 1\n"
                               : plots + "\n");
}

}  // namespace

Figure variance_figure(const std::vector<CellSummary>& cells, const ReportContext& context, const std::string& data_file,
                       const std::string& image) {
  Figure figure;
  figure.data = "cell,estimator,position,point,trace,lower,upper,flag\n";
  const std::vector<std::string> names = estimator_names(cells);
  std::string panels;
  std::size_t row = 0;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const CellSummary& cell = cells[c];
    std::vector<Line> lines;
    for (std::size_t k = 0; k < names.size(); ++k) {
      Line line{names[k], k, row, row, 0};
      // Side by side within a point, so that interval bars do not hide each other.
      const double shift = names.size() > 1 ? 0.3 * (static_cast<double>(k) / static_cast<double>(names.size() - 1) - 0.5) : 0.0;
      for (std::size_t i = 0; i < cell.points.size(); ++i) {
        for (const EstimatorSummary& e : cell.points[i].estimators) {
          if (e.name == names[k]) {
            bool drawn = false;
            figure.data += data_row(cell.cell->id, e, static_cast<double>(i) + shift, cell.points[i].label, drawn);
            line.drawn += drawn ? 1 : 0;
            line.last = row++;
          }
        }
      }
      lines.push_back(line);
    }
    if (c < most_panels) {
      panels += panel_script(cell, lines, data_file);
    }
  }
  const std::size_t shown = std::max<std::size_t>(std::min(cells.size(), most_panels), 1);
  const std::size_t across = shown == 1 ? 1 : 2;
  const std::size_t down = (shown + across - 1) / across;
  const bool png = image.ends_with(".png");
  figure.script = fmt::format(
      "# {}\nset terminal {} size {},{} font 'Helvetica,12' background '#ffffff'\nset output {}\nset datafile separator ','\n"
      "set logscale y\nset format y '10^{{%T}}'\nset ylabel 'trace of the variance of one call' noenhanced\n"
      "set xlabel 'point of the reference path'\nset grid ytics lc rgb '#dddddd'\nset border 3\nset tics nomirror\n"
      "set key outside right center reverse Left samplen 2\nset bars small\n"
      "set multiplot layout {},{} title {} font ',14' noenhanced\n",
      context.study, png ? "pngcairo" : "svg", across * 720, 60 + down * 420, single_quoted(image), down, across,
      single_quoted(context.study + ": variance along the path, 95 % intervals"));
  figure.script += panels + "unset multiplot\n";
  return figure;
}

std::string run_gnuplot(const std::string& directory, const std::string& script_file) {
  const std::filesystem::path log = std::filesystem::path(directory) / "gnuplot.log";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  posix_spawn_file_actions_addopen(&actions, 2, "gnuplot.log", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, 2, 1);
  std::string program = "gnuplot";
  std::string script = script_file;
  std::array<char*, 3> arguments = {program.data(), script.data(), nullptr};
  pid_t child = 0;
  const int refused = posix_spawnp(&child, "gnuplot", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  const bool waited = refused == 0 && waitpid(child, &status, 0) == child;
  std::string said;
  std::getline(std::ifstream(log) >> std::ws, said);
  std::error_code ignored;
  std::filesystem::remove(log, ignored);
  if (refused != 0) {
    return fmt::format("no figure: gnuplot cannot be started ({}). Install gnuplot-nox, then run `gnuplot {}` in {}.",
                       std::strerror(refused), script_file, directory);
  }
  if (!waited || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fmt::format("no figure: gnuplot failed on {}/{} ({}).", directory, script_file, said);
  }
  return "";
}

}  // namespace variscope::experiments
