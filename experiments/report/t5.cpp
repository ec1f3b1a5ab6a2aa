/// Table T5: how good the posterior approximations are that fits ended in.
#include "experiments/report/t5.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

constexpr int shape_panel = 0;
constexpr int reference_panel = 1;
/// Without a reference more variables than this fill pages that nobody reads; run.h5 has them.
constexpr std::size_t kMostVariables = 12;

/// Variables whose pairs are shown; run.h5 has those of more.
constexpr std::size_t kMostPaired = 5;

using Moments = std::vector<double> FitRecord::*;

/// Mean squares and extremes over variables of one fit against the reference.
struct Distance {
  double mean_rms = NAN;  ///< of (mean - reference mean) / reference sd
  double mean_max = NAN;  ///< largest of its absolute values
  double sd_ratio = NAN;  ///< geometric mean of sd / reference sd
  double sd_worst = NAN;  ///< the ratio farthest from 1, on the log scale
  double mean_z = NAN;    ///< root mean square of the mean's error in standard errors, the reference's and that of the draws
  double sd_z = NAN;      ///< likewise of the sd's error
};

Distance distance(const FitTarget& target, const FitRecord& fit, Moments mean, Moments sd, double draws) {
  Distance d;
  const std::size_t variables = target.mean.size();
  if (variables == 0) return d;
  double mean_square = 0;
  double log_ratio = 0;
  double worst = 0;
  double z_square = 0;
  double sd_z_square = 0;
  d.mean_max = 0;
  for (std::size_t v = 0; v < variables; ++v) {
    const double error = (fit.*mean)[v] - target.mean[v];
    const double scaled = error / target.sd[v];
    mean_square += scaled * scaled;
    d.mean_max = std::max(d.mean_max, std::abs(scaled));
    const double ratio = std::log((fit.*sd)[v] / target.sd[v]);
    log_ratio += ratio;
    if (!(std::abs(ratio) <= std::abs(worst))) worst = ratio;  // NaN of a point, which has no sd, stays
    const double own = (fit.*sd)[v];
    z_square += error * error / (own * own / draws + target.mean_error[v] * target.mean_error[v]);
    const double sd_error = own - target.sd[v];
    sd_z_square += sd_error * sd_error / (own * own / (2 * draws) + target.sd_error[v] * target.sd_error[v]);
  }
  const auto n = static_cast<double>(variables);
  d.mean_rms = std::sqrt(mean_square / n);
  d.sd_ratio = std::exp(log_ratio / n);
  d.sd_worst = std::exp(worst);
  d.mean_z = std::sqrt(z_square / n);
  d.sd_z = std::sqrt(sd_z_square / n);
  return d;
}

TableCell or_words(const diagnostics::Estimate& value, const std::string& text = "n/a") {
  return value.defined() ? estimate(value) : words(text);
}

/// Columns against the reference, of plain or of importance-weighted draws.
void add_distances(RowBuilder& build, const FitGroup& group, bool weighted) {
  const FitTarget& target = group.cell->target;
  const auto column = [&](const std::string& key, const std::string& title, double Distance::*part) {
    const auto value = [&](const FitRecord& fit) {
      // Weighted draws have fewer to count.
      const double draws = weighted ? fit.effective_draws : static_cast<double>(group.cell->posterior_draws);
      return distance(target, fit, weighted ? &FitRecord::weighted_mean : &FitRecord::mean,
                      weighted ? &FitRecord::weighted_sd : &FitRecord::sd, draws).*
             part;
    };
    const std::string prefix = weighted ? "weighted_" : "";
    build.add(prefix + key, (weighted ? "IS " : "") + title, "", reference_panel,
              target.mean.empty() ? absent() : or_words(over_repeats(of_converged(group, value))));
  };
  column("mean_error_rms", "mean error", &Distance::mean_rms);
  if (!weighted) column("mean_error_max", "largest", &Distance::mean_max);
  if (!weighted) column("mean_error_z", "in s.e.", &Distance::mean_z);
  column("sd_ratio", "sd ratio", &Distance::sd_ratio);
  if (!weighted) column("sd_ratio_worst", "worst", &Distance::sd_worst);
  if (!weighted) column("sd_error_z", "in s.e.", &Distance::sd_z);
}

TableRow row_of(const FitGroup& group, std::vector<Column>& columns) {
  TableRow row{group.name(), {}, group.variant};
  RowBuilder build(columns, row, columns.empty());
  const auto settled = of_converged(group, [](const FitRecord&) { return 0.0; }).size();
  build.add("fits", "fits", "", shape_panel, number(static_cast<double>(settled)));
  const auto k_hat = of_converged(group, [](const FitRecord& fit) { return fit.k_hat; });
  // NaN: not computed. Infinite: the weights are useless, which is an answer.
  const bool known = std::any_of(k_hat.begin(), k_hat.end(), [](double k) { return !std::isnan(k); });
  build.add("k_hat", "k-hat", "", shape_panel, or_words(median_of(k_hat), known ? "inf" : "n/a"));
  const auto good = std::count_if(k_hat.begin(), k_hat.end(), [](double k) { return k < 0.7; });
  build.add("k_hat_good", "below 0.7", "", shape_panel, words(known ? fmt::format("{} of {}", good, settled) : "n/a"));
  build.add("draws", "draws", "", shape_panel, number(static_cast<double>(group.cell->posterior_draws)));
  // What the steps took: the axis that samplers are compared on too.
  const auto last = static_cast<Index>(group.cell->trace.size()) - 1;
  const auto taken = [&](const FitRecord& fit) { return evaluations_at(*group.cell, fit, last); };
  const double evaluations = over_repeats(of_converged(group, taken)).value;
  build.add("evaluations", "evaluations", "", shape_panel, std::isfinite(evaluations) ? number(evaluations) : words("n/a"));
  const auto share = [&](const FitRecord& fit) { return fit.effective_draws / static_cast<double>(group.cell->posterior_draws); };
  build.add("efficiency", "IS efficiency", "", shape_panel, or_words(over_repeats(of_converged(group, share))));
  add_distances(build, group, false);
  add_distances(build, group, true);
  return row;
}

std::string reference_note(const FitTarget& target) {
  if (target.mean.empty()) return "no reference moments (the spec names none)";
  if (!target.moments.empty()) return "reference moments: " + target.moments;
  const bool exact = std::all_of(target.mean_error.begin(), target.mean_error.end(), [](double e) { return e == 0; });
  return fmt::format("reference moments from the spec, {}", exact ? "stated to be exact" : "with their standard errors");
}

}  // namespace

Table t5(const std::vector<FitProblem>& problems, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T5 posterior quality: {}", context.study);
  table.panels = {"importance ratios of draws from the approximation", "moments against the reference"};
  table.place = "";
  table.essential = {"k_hat", "k_hat_good", "mean_error_rms", "sd_ratio", "weighted_mean_error_rms", "weighted_sd_ratio"};
  for (const FitProblem& problem : problems) {
    const FitCellRecord& first = *problem.groups.front().cell;
    TableSection section{problem.cell, problem.heading, "All fits", {}, {}};
    section.notes.push_back(reference_note(first.target));
    for (const FitGroup& group : problem.groups) section.rows.push_back(row_of(group, table.columns));
    for (const Exclusion& e : problem.exclusions) section.notes.push_back(fmt::format("without {}: {}", e.estimator, e.reason));
    table.sections.push_back(std::move(section));
  }
  table.caption =
      "Approximations at the end of the fits that did not diverge, by draws, on the scale of the model's variables. k-hat: shape of the "
      "generalised Pareto tail of the importance ratios p / q, median over repeats, in brackets the lowest and the highest; from 0.7 on "
      "importance weighting cannot be relied on, and neither can the IS columns (Vehtari et al. 2024). IS efficiency: effective over all "
      "draws. "
      "mean error: root mean square over variables of (mean - reference) / reference sd, mean over repeats with a 95 % interval "
      "(Student's t); largest: its largest absolute value. sd ratio: geometric mean over variables of sd / reference sd; worst: farthest "
      "from 1. in s.e.: root mean square of the error in standard errors of draws and reference; about 1 means that no error can be seen. "
      "IS: with Pareto-smoothed importance weights. draws: from each fit's approximation; the particles of svgd, which are not "
      "independent, "
      "stand for draws; a mode (map) has neither draws nor sd. evaluations: whole-data gradients that the steps of a fit took, mean over "
      "repeats.";
  return table;
}

Table t5_variables(const std::vector<FitProblem>& problems, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T5 variables: {}", context.study);
  table.panels = {"moments of posterior draws"};
  table.place = "";
  table.essential = {"mean", "sd", "reference_mean", "reference_sd"};
  for (const FitProblem& problem : problems) {
    const FitCellRecord& first = *problem.groups.front().cell;
    if (first.target.mean.empty() && first.variable_names.size() > kMostVariables) continue;
    for (std::size_t v = 0; v < first.variable_names.size(); ++v) {
      TableSection section{problem.cell, problem.heading, first.variable_names[v], {}, {}};
      for (const FitGroup& group : problem.groups) {
        const FitTarget& target = group.cell->target;
        TableRow row{group.name(), {}, group.variant};
        RowBuilder build(table.columns, row, table.columns.empty());
        const auto moment = [&](Moments moments) {
          return or_words(over_repeats(of_converged(group, [&](const FitRecord& fit) { return (fit.*moments)[v]; })));
        };
        const bool known = !target.mean.empty();
        build.add("mean", "mean", "", 0, moment(&FitRecord::mean));
        build.add("reference_mean", "reference", "", 0, known ? number(target.mean[v]) : absent());
        build.add("weighted_mean", "IS mean", "", 0, moment(&FitRecord::weighted_mean));
        build.add("sd", "sd", "", 0, moment(&FitRecord::sd));
        build.add("reference_sd", "reference", "", 0, known ? number(target.sd[v]) : absent());
        build.add("weighted_sd", "IS sd", "", 0, moment(&FitRecord::weighted_sd));
        build.add("reference_mean_error", "error of the reference mean", "", csv_only, known ? number(target.mean_error[v]) : absent());
        build.add("reference_sd_error", "error of the reference sd", "", csv_only, known ? number(target.sd_error[v]) : absent());
        section.rows.push_back(std::move(row));
      }
      table.sections.push_back(std::move(section));
    }
  }
  table.caption =
      "Mean and standard deviation of each variable under the fitted approximations: mean over the repeats that did not diverge, in "
      "brackets its 95 % interval (Student's t). IS: with Pareto-smoothed importance weights.";
  return table;
}

Table t5_correlations(const std::vector<FitProblem>& problems, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T5 correlations: {}", context.study);
  table.panels = {"correlations of posterior draws"};
  table.place = "";
  table.essential = {"correlation", "reference"};
  for (const FitProblem& problem : problems) {
    const FitCellRecord& first = *problem.groups.front().cell;
    const std::size_t variables = first.variable_names.size();
    if (variables < 2 || variables > kMostPaired) continue;
    std::size_t pair = 0;
    for (std::size_t a = 0; a < variables; ++a) {
      for (std::size_t b = a + 1; b < variables; ++b, ++pair) {
        TableSection section{problem.cell, problem.heading, first.variable_names[a] + ", " + first.variable_names[b], {}, {}};
        for (const FitGroup& group : problem.groups) {
          const FitTarget& target = group.cell->target;
          TableRow row{group.name(), {}, group.variant};
          RowBuilder build(table.columns, row, table.columns.empty());
          const auto values = of_converged(group, [&](const FitRecord& fit) { return fit.correlation[pair]; });
          build.add("correlation", "correlation", "", 0, or_words(over_repeats(values)));
          build.add("reference", "reference", "", 0, target.correlation.empty() ? absent() : number(target.correlation[pair]));
          section.rows.push_back(std::move(row));
        }
        table.sections.push_back(std::move(section));
      }
    }
  }
  table.caption =
      "Correlation of each pair of variables under draws from the fitted approximations: mean over the repeats that did not diverge, in "
      "brackets its 95 % interval (Student's t). A mean-field approximation has none, whatever the posterior's.";
  return table;
}

}  // namespace variscope::experiments
