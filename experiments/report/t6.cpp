/// Table T6: how well the posteriors that fits ended in predict rows.
#include "experiments/report/t6.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/diagnostics/predictive.hpp"
#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Estimate;

constexpr int density_panel = 0;
constexpr int band_panel = 1;
constexpr double kNormal = 1.959963984540054;  ///< 97.5 % quantile

/// Place of a figure in a record's list.
std::size_t place_of(const std::string& name) {
  const auto found = std::find(predictive_figures.begin(), predictive_figures.end(), name);
  return static_cast<std::size_t>(found - predictive_figures.begin());
}

double figure(const FitRecord& fit, std::size_t part, const std::string& name) {
  return fit.predictive[part * predictive_figures.size() + place_of(name)];
}

/// Mean over the repeats that converged; repeats see the same rows, so that the interval is that of the rows, not of the repeats.
double average(const FitGroup& group, std::size_t part, const std::string& name) {
  return over_repeats(of_converged(group, [&](const FitRecord& fit) { return figure(fit, part, name); })).value;
}

Estimate interval(double value, double lower, double upper) {
  Estimate e;
  e.value = value;
  if (!std::isfinite(value)) return e;
  e.reliability = diagnostics::Reliability::reliable;
  if (std::isfinite(lower) && std::isfinite(upper)) {
    e.lower = lower;
    e.upper = upper;
  }
  return e;
}

Estimate symmetric(double value, double error) { return interval(value, value - kNormal * error, value + kNormal * error); }

/// Wilson 1927, Journal of the American Statistical Association 22: a proportion's interval that stays within 0 and 1.
Estimate proportion(double share, double rows) {
  const double z = kNormal * kNormal / rows;
  const double center = (share + z / 2) / (1 + z);
  const double half = kNormal / (1 + z) * std::sqrt(share * (1 - share) / rows + z / (4 * rows));
  return interval(share, center - half, center + half);
}

TableCell or_words(const Estimate& value) { return value.defined() ? estimate(value) : words("n/a"); }
TableCell or_words(double value) { return std::isfinite(value) ? number(value) : words("n/a"); }

TableRow row_of(const FitGroup& group, std::size_t part, std::vector<Column>& columns) {
  TableRow row{group.name(), {}, group.variant};
  RowBuilder build(columns, row, columns.empty());
  const auto mean = [&](const std::string& name) { return average(group, part, name); };
  const auto settled = of_converged(group, [](const FitRecord&) { return 0.0; }).size();
  build.add("fits", "fits", "", density_panel, number(static_cast<double>(settled)));
  const double error = std::hypot(mean("log_density_error"), mean("monte_carlo_error"));
  build.add("log_density", "log density per row", "nat", density_panel, finely(or_words(symmetric(mean("log_density"), error))));
  build.add("log_density_error", "s.e. over rows", "nat", csv_only, or_words(mean("log_density_error")));
  build.add("monte_carlo_error", "Monte Carlo s.e.", "nat", density_panel, or_words(mean("monte_carlo_error")));
  const std::vector<double> all = of_converged(group, [&](const FitRecord& fit) { return figure(fit, part, "log_density"); });
  const bool several = all.size() > 1;
  const auto [lowest, highest] = std::minmax_element(all.begin(), all.end());
  build.add("between_fits", "range over fits", "nat", density_panel, several ? number(*highest - *lowest) : words("n/a"));
  build.add("rmse", "RMSE", "", density_panel, or_words(symmetric(mean("rmse"), mean("rmse_error"))));
  const double rows = mean("rows");
  for (const char* band : {"50", "90", "95"}) {
    const double share = mean(fmt::format("coverage_{}", band));
    build.add(fmt::format("coverage_{}", band), fmt::format("coverage {} %", band), "", band_panel,
              std::isfinite(share) ? estimate(proportion(share, rows)) : words("n/a"));
  }
  for (const char* band : {"50", "90", "95"})
    build.add(fmt::format("width_{}", band), fmt::format("width {} %", band), "", band_panel,
              or_words(mean(fmt::format("width_{}", band))));
  return row;
}

}  // namespace

Table t6(const std::vector<FitProblem>& posteriors, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T6 predictive: {}", context.study);
  table.panels = {"log predictive density and error of the mean", "central bands"};
  table.place = "Rows: ";
  table.essential = {"log_density", "rmse", "coverage_50", "coverage_90", "coverage_95"};
  for (const FitProblem& problem : posteriors) {
    const FitCellRecord& first = *problem.groups.front().cell;
    for (std::size_t p = 0; p < first.predicted.size(); ++p) {
      const PredictedPart& part = first.predicted[p];
      if (part.name == "grid") continue;
      TableSection section{problem.cell, problem.heading, part.name, {}, {}};
      const std::string seen = part.name == "test" ? "held out: the log density is elpd / N" : "which the fits saw: optimistic";
      std::set<Index> draws;
      for (const FitGroup& group : problem.groups) {
        // Fits of one posterior by other methods may predict other parts.
        const std::vector<PredictedPart>& own = group.cell->predicted;
        const auto found = std::find_if(own.begin(), own.end(), [&](const PredictedPart& o) { return o.name == part.name; });
        if (found == own.end() || found->rows != part.rows) continue;
        section.rows.push_back(row_of(group, static_cast<std::size_t>(found - own.begin()), table.columns));
        draws.insert(group.cell->predictive_draws);
      }
      for (const Index count : draws) {
        section.notes.push_back(fmt::format(
            "{} rows, {}; {} draws of each posterior, whose bands hold a further draw with probability {}, {}, {} exactly", part.rows, seen,
            count, format_number(diagnostics::band_probability(0.5, count), 4), format_number(diagnostics::band_probability(0.9, count), 4),
            format_number(diagnostics::band_probability(0.95, count), 4)));
      }
      table.sections.push_back(std::move(section));
    }
  }
  table.caption =
      "Posterior predictive of fits that did not diverge, mean over repeats. log density per row: mean over rows of log (1/S sum_s "
      "p(y | theta_s)), in brackets a 95 % interval from its standard error over rows and draws; Monte Carlo s.e.: the part of the draws, "
      "which rows share (delta method). range over fits: largest minus smallest over repeats. RMSE: of the predictive mean, 95 % interval "
      "over rows (delta method). coverage: share of responses in the central band of as many simulated ones, ends included, with Wilson's "
      "95 % interval; rows share their posterior, so that coverage of one data set may leave its interval more often. Of responses with "
      "few values (binary, small counts) bands cover more than they promise. width: mean over rows. Estimators predict the same rows: "
      "differences between them are smaller than their intervals suggest.";
  return table;
}

}  // namespace variscope::experiments
