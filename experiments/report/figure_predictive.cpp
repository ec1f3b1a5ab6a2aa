/// Bands as filled curves under the responses.
#include "experiments/report/figure_predictive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/report/gnuplot_text.hpp"

namespace variscope::experiments {

namespace {

constexpr std::size_t kWidth = prediction_columns.size();

/// Places in prediction_columns.
enum Column : std::size_t { covariate, response };

/// Kept rows of one part, sorted by the covariate.
std::vector<const double*> rows_of(const FitRecord& fit, std::size_t first, Index kept) {
  std::vector<const double*> rows;
  for (Index k = 0; k < kept; ++k) rows.push_back(fit.predicted_rows.data() + (first + static_cast<std::size_t>(k)) * kWidth);
  std::stable_sort(rows.begin(), rows.end(), [](const double* a, const double* b) { return a[covariate] < b[covariate]; });
  return rows;
}

const FitRecord* first_converged(const FitGroup& group) {
  for (Index r = 0; r < group.cell->repeats; ++r) {
    if (converged(group.fit(r))) return &group.fit(r);
  }
  return nullptr;
}

class Drawing {
 public:
  explicit Drawing(std::string file) : file_(std::move(file)) {
    data_ = "cell,estimator,part";
    for (const char* name : prediction_columns) data_ += fmt::format(",{}", name);
    data_ += "\n";
  }

  void panel(const FitProblem& problem, const FitGroup& group, const FitRecord& fit) {
    const FitCellRecord& cell = *group.cell;
    std::string bands;
    std::string points;
    bool grid = false;
    for (const PredictedPart& part : cell.predicted) grid = grid || part.name == "grid";
    std::size_t first = 0;
    for (const PredictedPart& part : cell.predicted) {
      if (part.kept > 0) {
        const std::string rows = add(cell, group, part, rows_of(fit, first, part.kept));
        if (grid ? part.name == "grid" : bands.empty()) bands = bands_of(rows);
        if (part.name != "grid") {
          points += fmt::format(", \\\n     {} using 4:5 with points pt {} ps 0.5 lc rgb '#000000' title '{} rows'", rows,
                                part.name == "test" ? 6 : 7, part.name);
        }
      }
      first += static_cast<std::size_t>(part.kept);
    }
    ++panels_;
    if (bands.empty() || panels_ > most_panels) return;
    const std::string name = group.name() + (group.variant.empty() ? "" : ", " + group.variant);
    script_ += fmt::format("set title {} font ',11' noenhanced\nplot {}{}\n", two_lines(problem.heading + ", " + name), bands, points);
  }

  [[nodiscard]] std::size_t panels() const { return panels_; }
  [[nodiscard]] const std::string& data() const { return data_; }
  [[nodiscard]] const std::string& script() const { return script_; }

 private:
  /// What gnuplot calls the rows that were added.
  std::string add(const FitCellRecord& cell, const FitGroup& group, const PredictedPart& part, const std::vector<const double*>& rows) {
    const std::size_t begin = row_;
    for (const double* values : rows) {
      data_ += fmt::format("{},{},{}", csv_quoted(cell.id), csv_quoted(group.name()), part.name);
      for (std::size_t c = 0; c < kWidth; ++c) data_ += std::isfinite(values[c]) ? fmt::format(",{:.17g}", values[c]) : ",";
      data_ += "\n";
      ++row_;
    }
    return fmt::format("{} skip 1 every ::{}::{}", single_quoted(file_), begin, row_ - 1);
  }

  /// The widest band first, so that the others lie on it.
  static std::string bands_of(const std::string& rows) {
    struct Band {
      const char* title;
      int lower;
      const char* colour;
    };
    std::string text;
    for (const Band& band : {Band{"95 %", 13, "#D6E6F2"}, Band{"90 %", 11, "#A9CBE4"}, Band{"50 %", 9, "#5EA3D0"}}) {
      text += fmt::format("{}{} using 4:{}:{} with filledcurves fs solid noborder lc rgb '{}' title '{}'",
                          text.empty() ? "" : ", \\\n     ", rows, band.lower, band.lower + 1, band.colour, band.title);
    }
    return text + fmt::format(", \\\n     {} using 4:6 with lines lw 1.8 lc rgb '#0072B2' title 'mean'", rows);
  }

  std::string file_;
  std::string data_;
  std::string script_;
  std::size_t row_ = 0;
  std::size_t panels_ = 0;
};

}  // namespace

std::vector<Figure> predictive_figures_of(const std::vector<FitProblem>& problems, const ReportContext& context) {
  Drawing drawing("predictive.csv");
  std::string axis;
  for (const FitProblem& problem : problems) {
    for (const FitGroup& group : problem.groups) {
      if (group.cell->covariate.empty() || group.cell->extents().predicted == 0) continue;
      const FitRecord* fit = first_converged(group);
      if (fit == nullptr) continue;
      axis = group.cell->covariate;
      drawing.panel(problem, group, *fit);
    }
  }
  if (drawing.panels() == 0) return {};
  Figure figure{"predictive", drawing.data(), ""};
  figure.title = context.study + ": posterior predictive bands";
  figure.script = script_head("predictive", figure.title, drawing.panels());
  figure.script += fmt::format("set xlabel {} noenhanced\nset ylabel 'response'\n", single_quoted(axis));
  figure.script += drawing.script() + "unset multiplot\n";
  return {figure};
}

}  // namespace variscope::experiments
