/// Table T1x: between which points of a path an estimator overtakes the baseline, and at which step.
#include "experiments/report/crossing.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <optional>

#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"
#include "experiments/report/same_path.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Estimate;
using diagnostics::EstimatorSummary;
using diagnostics::Ranking;

/// -1 below 1, 1 above, 0 not told apart.
int side_of(const EstimatorSummary& e) { return e.ranking == Ranking::higher ? 1 : (e.ranking == Ranking::lower ? -1 : 0); }

/// The step of a point "25 %" as the plan rounds it; nothing for the optimum.
std::optional<double> step_of(const CellRecord& cell, const std::string& label) {
  char* end = nullptr;
  const double percent = std::strtod(label.c_str(), &end);
  if (end == label.c_str() || std::string(end) != " %") return std::nullopt;
  for (const auto& [key, value] : cell.settings) {
    if (key == "path.steps") return static_cast<double>(std::llround(percent / 100 * std::strtod(value.c_str(), nullptr)));
  }
  return std::nullopt;
}

/// Where between a (negative) and b (positive) the function is 0.
double root(const std::function<double(double)>& function, double a, double b) {
  constexpr int halvings = 60;
  for (int k = 0; k < halvings; ++k) {
    const double middle = (a + b) / 2;
    (function(middle) < 0 ? a : b) = middle;
  }
  return (a + b) / 2;
}

/// first, last: ratios whose intervals lie on different sides of 1, at steps x and y.
Estimate interpolated(const Estimate& first, const Estimate& last, double x, double y) {
  const double a = std::log(first.value);
  const double b = std::log(last.value);
  const double half_a = std::log(first.upper / first.value);
  const double half_b = std::log(last.upper / last.value);
  // Positive where the interval of the interpolated logarithm excludes 0: at both ends, and not where the logarithm is 0.
  const auto excess = [&](double f) {
    const double log_ratio = (1 - f) * a + f * b;
    return log_ratio * log_ratio - (1 - f) * (1 - f) * half_a * half_a - f * f * half_b * half_b;
  };
  const double centre = a / (a - b);
  const auto place = [&](double f) { return x + (y - x) * f; };
  Estimate step;
  step.value = place(centre);
  step.lower = place(root(excess, centre, 0));
  step.upper = place(root(excess, centre, 1));
  step.reliability = diagnostics::Reliability::reliable;
  return step;
}

const EstimatorSummary* found(const CellSummary& cell, std::size_t point, const std::string& estimator) {
  for (const EstimatorSummary& e : cell.points[point].estimators) {
    if (e.name == estimator) return &e;
  }
  return nullptr;
}

TableRow row_of(const CellSummary& cell, const Crossing& crossing, std::vector<Column>& columns) {
  const auto point = [&](std::size_t i) { return cell.points[i].label; };
  const auto ratio_at = [&](std::size_t i) { return finely(ratio(found(cell, i, crossing.estimator)->ratio)); };
  TableRow row{crossing.estimator, {}};
  row.variant = fmt::format("{} to {}", point(crossing.from), point(crossing.to));
  RowBuilder build(columns, row, columns.empty());
  build.add("direction", "becomes", "", 0, words(crossing.falls ? "quieter" : "noisier"));
  build.add("ratio_from", "ratio before", "", 0, ratio_at(crossing.from));
  build.add("ratio_to", "ratio after", "", 0, ratio_at(crossing.to));
  build.add(
      "step", "equal at step", "", 0,
      crossing.separated ? (crossing.step.defined() ? finely(estimate(crossing.step)) : words("not at a step")) : words("not separated"));
  return row;
}

/// What the points say of an estimator that crosses nowhere; empty if it was compared at none.
std::string without_crossing(const CellSummary& cell, const std::string& estimator) {
  int above = 0;
  int below = 0;
  int open = 0;
  for (std::size_t i = 0; i < cell.points.size(); ++i) {
    const EstimatorSummary* e = found(cell, i, estimator);
    if (e == nullptr || e->ranking == Ranking::baseline) continue;
    const int side = side_of(*e);
    above += side > 0 ? 1 : 0;
    below += side < 0 ? 1 : 0;
    open += side == 0 ? 1 : 0;
  }
  if (above + below + open == 0) return "";
  const std::string rest = open > 0 ? fmt::format(", not separated at {}", open) : "";
  return fmt::format("{}: no crossing; ratio above 1 at {} points, below at {}{}", estimator, above, below, rest);
}

}  // namespace

std::vector<Crossing> crossings(const CellSummary& cell, const std::string& estimator) {
  std::vector<Crossing> all;
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < cell.points.size(); ++i) {
    const EstimatorSummary* e = found(cell, i, estimator);
    const int side = e == nullptr ? 0 : side_of(*e);
    if (side == 0) continue;
    const EstimatorSummary* before = last ? found(cell, *last, estimator) : nullptr;
    if (before != nullptr && side_of(*before) != side) {
      Crossing crossing{estimator, *last, i, side < 0, i == *last + 1, {}};
      const auto x = step_of(*cell.cell, cell.points[*last].label);
      const auto y = step_of(*cell.cell, cell.points[i].label);
      if (crossing.separated && x && y && before->ratio.reliable() && e->ratio.reliable())
        crossing.step = interpolated(before->ratio, e->ratio, *x, *y);
      all.push_back(std::move(crossing));
    }
    last = i;
  }
  return all;
}

Table t1x(const std::vector<CellSummary>& cells, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T1x crossings along the path: {}", context.study);
  table.panels = {"where an estimator becomes quieter or noisier than the baseline"};
  table.place = "";
  table.essential = {"direction", "step"};
  std::vector<std::string> elsewhere;
  for (const CellSummary& cell : cells) {
    if (cell.points.empty()) continue;
    std::string none;
    TableSection section{cell.cell->id, cell.heading, "whole path", {}, {}};
    section.notes.push_back(fmt::format("compared with {}", cell.points.front().baseline));
    for (const EstimatorSummary& e : cell.points.front().estimators) {
      const std::vector<Crossing> found_here = crossings(cell, e.name);
      for (const Crossing& crossing : found_here) section.rows.push_back(row_of(cell, crossing, table.columns));
      const std::string note = found_here.empty() && !e.declared_biased ? without_crossing(cell, e.name) : "";
      if (note.empty()) continue;
      section.notes.push_back(note);
      none += (none.empty() ? "" : "; ") + note;
    }
    if (!section.rows.empty()) {
      table.sections.push_back(std::move(section));
    } else if (!none.empty()) {
      elsewhere.push_back(fmt::format("{} ({}), compared with {}: {}.", cell.cell->id, cell.heading, cell.points.front().baseline, none));
    }
  }
  table.caption =
      "Where the ratio of T1 (total trace of the variance over that of the baseline, same random numbers, same samples) passes 1 on the "
      "way along the path. before, after: the ratio at the two points, with 95 % intervals. equal at step: the logarithm of the ratio "
      "interpolated linearly in steps; brackets: where the 95 % interval of the interpolated ratio contains 1, points being independent; "
      "what the ratio does between the points other than that is not in it. not separated: the interval of a point between the two "
      "contains 1 or cannot be trusted, so that no two neighbours enclose the crossing. not at a step: at one of the two the ratio is "
      "zero, or it is the optimum.";
  table.footnotes = mark_notes(table);
  table.footnotes.insert(table.footnotes.end(), elsewhere.begin(), elsewhere.end());
  return table;
}

}  // namespace variscope::experiments
