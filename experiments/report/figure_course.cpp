/// Lines on linear axes, and clouds of points.
#include "experiments/report/figure_course.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "experiments/report/gnuplot_text.hpp"

namespace variscope::experiments {

namespace {

/// Coordinates of which each has a panel for its mean and one for its sd.
constexpr std::size_t kMostCoordinates = 3;
constexpr std::size_t kFrames = 6;

const FitRecord* first_finished(const FitGroup& group) {
  for (Index r = 0; r < group.cell->repeats; ++r) {
    if (group.fit(r).status == FitStatus::finished) return &group.fit(r);
  }
  return nullptr;
}

std::string name_of(const FitGroup& group) { return group.name() + (group.variant.empty() ? "" : ", " + group.variant); }

/// A data file that grows line by line, and gnuplot's name for what was added since a mark.
class Lines {
 public:
  Lines(std::string file, const std::string& header) : file_(std::move(file)), data_(header + "\n") {}
  void add(const std::string& line) {
    data_ += line + "\n";
    ++rows_;
  }
  void mark() { first_ = rows_; }
  [[nodiscard]] bool any() const { return rows_ > first_; }
  [[nodiscard]] std::string since_mark() const { return fmt::format("{} skip 1 every ::{}::{}", single_quoted(file_), first_, rows_ - 1); }
  [[nodiscard]] const std::string& data() const { return data_; }

 private:
  std::string file_;
  std::string data_;
  std::size_t rows_ = 0;
  std::size_t first_ = 0;
};

std::string number_or_nothing(double x) { return std::isfinite(x) ? fmt::format("{:.17g}", x) : ""; }

}  // namespace

std::vector<Figure> course_figures_of(const std::vector<FitProblem>& problems, const ReportContext& context) {
  Lines lines("course.csv", "cell,estimator,parameter,step,value");
  std::string script;
  std::size_t panels = 0;
  for (const FitProblem& problem : problems) {
    const FitCellRecord& first = *problem.groups.front().cell;
    const std::size_t coordinates = first.parameter_names.size() / 2;
    if (first.family != "mean_field_gaussian" || coordinates > kMostCoordinates || first.trace.size() < 3) continue;
    for (std::size_t p = 0; p < 2 * coordinates; ++p) {
      const bool scale = p >= coordinates;
      std::string name = first.parameter_names[p];
      if (scale && name.starts_with("log_scale")) name = "sd" + name.substr(9);
      std::string plot;
      for (std::size_t g = 0; g < problem.groups.size(); ++g) {
        const FitGroup& group = problem.groups[g];
        const FitRecord* fit = first_finished(group);
        if (fit == nullptr || group.cell->parameter_names.size() != 2 * coordinates) continue;
        lines.mark();
        for (std::size_t t = 0; t < group.cell->trace.size(); ++t) {
          const double value = fit->lambda[t * 2 * coordinates + p];
          lines.add(fmt::format("{},{},{},{},{}", csv_quoted(group.cell->id), csv_quoted(name_of(group)), csv_quoted(name),
                                group.cell->trace[t], number_or_nothing(scale ? std::exp(value) : value)));
        }
        plot += fmt::format("{}{} using 4:5 with lines lw 1.6 {} title {} noenhanced", plot.empty() ? "" : ", \\\n     ",
                            lines.since_mark(), fmt::format("lc rgb '{}'", colour_of(g)), single_quoted(name_of(group)));
      }
      if (plot.empty()) continue;
      if (++panels > most_panels) continue;
      script += fmt::format("set title {} font ',11' noenhanced\nset ylabel {} noenhanced\nplot {}\n", two_lines(problem.heading),
                            single_quoted(name), plot);
    }
  }
  if (panels == 0) return {};
  Figure figure{"course", lines.data(), script_head("course", context.study + ": approximations on their way", panels, 2)};
  figure.script += "set key outside below center vertical maxcols 1 reverse Left\nset xlabel 'step'\n" + script + "unset multiplot\n";
  return {figure};
}

std::vector<Figure> particle_figures_of(const std::vector<FitProblem>& posteriors, const ReportContext& context) {
  Lines lines("particles.csv", "cell,repeat,step,particle,x,y");
  std::string script;
  std::size_t panels = 0;
  std::string axes;
  for (const FitProblem& problem : posteriors) {
    for (const FitGroup& group : problem.groups) {
      const FitCellRecord& cell = *group.cell;
      const FitRecord* fit = first_finished(group);
      if (cell.method != "svgd" || fit == nullptr) continue;
      const auto count = static_cast<std::size_t>(cell.posterior_draws);
      const std::size_t dim = cell.parameter_names.size() / count;
      if (dim < 2) continue;
      // Even in the logarithm of the step where the grid is: frames are taken evenly from the recorded ones, ends included.
      std::set<std::size_t> frames;
      for (std::size_t k = 0; k < kFrames; ++k) frames.insert(k * (cell.trace.size() - 1) / (kFrames - 1));
      const auto coordinate = [&](std::size_t d) {
        const std::string& name = cell.parameter_names[d];
        return name.substr(0, name.find(" of particle"));
      };
      axes =
          fmt::format("set xlabel {} noenhanced\nset ylabel {} noenhanced\n", single_quoted(coordinate(0)), single_quoted(coordinate(1)));
      for (const std::size_t t : frames) {
        lines.mark();
        const double* at = fit->lambda.data() + t * count * dim;
        for (std::size_t i = 0; i < count; ++i)
          lines.add(fmt::format("{},0,{},{},{},{}", csv_quoted(cell.id), cell.trace[t], i, number_or_nothing(at[i * dim]),
                                number_or_nothing(at[i * dim + 1])));
        if (++panels > most_panels) continue;
        script += fmt::format("set title {} font ',11' noenhanced\nplot {} using 5:6 with points pt 7 ps 0.6 lc rgb '#0072B2' notitle\n",
                              two_lines(fmt::format("{}, step {}", problem.heading, cell.trace[t])), lines.since_mark());
      }
    }
  }
  if (panels == 0) return {};
  Figure figure{"particles", lines.data(), script_head("particles", context.study + ": particles on their way", panels)};
  figure.script += axes + script + "unset multiplot\n";
  return {figure};
}

}  // namespace variscope::experiments
