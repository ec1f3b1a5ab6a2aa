/// Thin lines over each other: where they are dense, so is the distribution of functions.
#include "experiments/report/figure_functions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/report/gnuplot_text.hpp"

namespace variscope::experiments {

namespace {

constexpr std::size_t kWidth = prediction_columns.size();

/// Columns of the data file before the functions: cell, estimator, part, covariate, response.
constexpr Index kColumnsBefore = 5;

const FitRecord* first_converged(const FitGroup& group) {
  for (Index r = 0; r < group.cell->repeats; ++r) {
    if (converged(group.fit(r))) return &group.fit(r);
  }
  return nullptr;
}

std::string number(double x) { return std::isfinite(x) ? fmt::format("{:.17g}", x) : ""; }

class Drawing {
 public:
  void panel(const FitProblem& problem, const FitGroup& group, const FitRecord& fit) {
    const FitCellRecord& cell = *group.cell;
    const std::string who = csv_quoted(cell.id) + "," + csv_quoted(group.name());
    std::string points;
    std::string lines;
    std::size_t kept = 0;
    for (const PredictedPart& part : cell.predicted) {
      const double* rows = fit.predicted_rows.data() + kept * kWidth;
      kept += static_cast<std::size_t>(part.kept);
      const std::size_t begin = row_;
      if (part.name == "grid") {
        for (Index n = 0; n < part.rows; ++n) {
          data_ += fmt::format("{},grid,{},", who, number(rows[static_cast<std::size_t>(n) * kWidth]));
          for (Index f = 0; f < cell.functions; ++f) data_ += "," + number(fit.functions[static_cast<std::size_t>(f * part.rows + n)]);
          data_ += "\n";
          ++row_;
        }
        lines = fmt::format(
            "for [i={}:{}] 'functions.csv' skip 1 every ::{}::{} using 4:(column(i)) with lines lw 0.7 lc rgb '#800072B2' notitle",
            kColumnsBefore + 1, kColumnsBefore + cell.functions, begin, row_ - 1);
      } else if (part.kept > 0) {
        for (Index n = 0; n < part.kept; ++n) {
          const double* row = rows + static_cast<std::size_t>(n) * kWidth;
          data_ += fmt::format("{},{},{},{}\n", who, part.name, number(row[0]), number(row[1]));
          ++row_;
        }
        points += fmt::format(
            ", \\\n     'functions.csv' skip 1 every ::{}::{} using 4:5 with points pt {} ps 0.5 lc rgb '#000000' title '{} rows'", begin,
            row_ - 1, part.name == "test" ? 6 : 7, part.name);
      }
    }
    most_ = std::max(most_, cell.functions);
    if (++panels_ > most_panels) return;
    const std::string name = group.name() + (group.variant.empty() ? "" : ", " + group.variant);
    script_ += fmt::format("set title {} font ',11' noenhanced\nplot {}{}\n", two_lines(problem.heading + ", " + name), lines, points);
  }

  [[nodiscard]] std::size_t panels() const { return panels_; }
  [[nodiscard]] const std::string& script() const { return script_; }
  [[nodiscard]] std::string data() const {
    std::string header = "cell,estimator,part,covariate,response";
    for (Index f = 0; f < most_; ++f) header += fmt::format(",function_{}", f);
    return header + "\n" + data_;
  }

 private:
  std::string data_;
  std::string script_;
  std::size_t row_ = 0;
  std::size_t panels_ = 0;
  Index most_ = 0;
};

}  // namespace

std::vector<Figure> function_figures_of(const std::vector<FitProblem>& problems, const ReportContext& context) {
  Drawing drawing;
  std::string axis;
  for (const FitProblem& problem : problems) {
    for (const FitGroup& group : problem.groups) {
      if (group.cell->functions == 0) continue;
      const FitRecord* fit = first_converged(group);
      if (fit == nullptr) continue;
      axis = group.cell->covariate;
      drawing.panel(problem, group, *fit);
    }
  }
  if (drawing.panels() == 0) return {};
  Figure figure{"functions", drawing.data(), ""};
  figure.title = context.study + ": functions under single draws of the parameters";
  figure.script = script_head("functions", figure.title, drawing.panels());
  figure.script += fmt::format("set xlabel {} noenhanced\nset ylabel 'mean response'\n", single_quoted(axis));
  figure.script += drawing.script() + "unset multiplot\n";
  return {figure};
}

}  // namespace variscope::experiments
