/// Table T1: the variance of every estimator at every point of every cell.
#include "experiments/report/t1.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Estimate;
using diagnostics::EstimatorSummary;
using diagnostics::Ranking;
using diagnostics::Verdict;

constexpr int variance_panel = 0;
constexpr int comparison_panel = 1;

/// The settings whose text is not the same in all cells, apart from those the heading shows anyway.
std::set<std::string> differing_settings(const std::vector<CellRecord>& cells) {
  static const std::set<std::string> shown = {"model.name", "family.name", "estimators.samples", "estimators.batch_rows"};
  std::set<std::string> differing;
  for (const CellRecord& cell : cells) {
    for (const auto& setting : cell.settings) {
      for (const CellRecord& other : cells) {
        const auto same = [&](const auto& pair) { return pair == setting; };
        if (!shown.contains(setting.first) && std::none_of(other.settings.begin(), other.settings.end(), same)) {
          differing.insert(setting.first);
        }
      }
    }
  }
  return differing;
}

std::string heading_of(const CellRecord& cell, const std::set<std::string>& differing) {
  std::string heading = fmt::format("{}, {}", cell.model, cell.family);
  if (cell.rows > 0) {
    heading += fmt::format(", N = {}, B = {}", cell.rows, cell.batch_rows > 0 ? fmt::to_string(cell.batch_rows) : "all rows");
  }
  heading += fmt::format(", M = {}, {} replicates", cell.samples, cell.replicates);
  for (const auto& [key, value] : cell.settings) {
    if (differing.contains(key)) {
      heading += fmt::format(", {} = {}", key, value);
    }
  }
  return heading;
}

TableCell passes(const diagnostics::Work& work) {
  if (work.value_passes > 0 && work.gradient_passes > 0) {
    return number(work.value_passes + work.gradient_passes, fmt::format(" ({} grad)", format_number(work.gradient_passes)));
  }
  return work.gradient_passes > 0 ? number(work.gradient_passes, " grad") : number(work.value_passes, " value");
}

TableRow row_of(const EstimatorSummary& e, std::vector<Column>& columns) {
  TableRow row{e.name, {}};
  RowBuilder build(columns, row, columns.empty());
  const bool passed = e.bias.verdict == Verdict::unbiased;
  const std::string refusal = e.bias.verdict == Verdict::biased ? "biased" : "n/a";
  const auto guarded = [&](const Estimate& value, const std::string& suffix = "") {
    return passed ? estimate(value, suffix) : words(refusal);
  };
  const std::string verdict = passed ? "" : (e.bias.verdict == Verdict::biased ? " biased" : " undecided");
  build.add("bias_z", "bias |z|", "", variance_panel, number(e.bias.max_abs_z, verdict));
  for (const auto& block : e.blocks) {
    build.add("trace_" + block.name, "tr Var " + title_of(block.name), "", variance_panel, guarded(block.trace));
  }
  build.add("maximum", "max Var", "", variance_panel, guarded(e.maximum));
  build.add("fisher_trace", "Fisher trace", "", variance_panel, guarded(e.fisher));
  const std::string approx = e.ranking == Ranking::indistinguishable ? " ≈" : "";
  build.add("trace_total", "tr Var", "", csv_only, guarded(e.total));
  for (const auto& block : e.blocks) {
    build.add("mean_" + block.name, "mean Var " + title_of(block.name), "", csv_only, guarded(block.mean));
    build.add("maximum_" + block.name, "max Var " + title_of(block.name), "", csv_only, guarded(block.maximum));
  }

  TableCell ratio = guarded(e.ratio, approx);
  ratio.most_digits = 5;  // estimators on common random numbers can be told apart at a thousandth
  build.add("ratio", "ratio", "", comparison_panel, std::move(ratio));
  build.add("work_ratio", "ratio x evals", "", comparison_panel, guarded(e.work_ratio));
  build.add("time_ratio", "ratio x s", "", comparison_panel, guarded(e.time_ratio));
  build.add("evaluations", "evals", "", comparison_panel, passes(e.work));
  build.add("seconds", "s/call", "", comparison_panel, e.seconds_per_call > 0 ? number(e.seconds_per_call) : words("n/a"));
  build.add("signal_to_noise", "SNR", "", comparison_panel, without_interval(guarded(e.signal_to_noise)));
  build.add("noise_scale", "noise scale", "", comparison_panel, without_interval(guarded(e.noise_scale)));
  build.add("detectable_bias", "min bias", "", comparison_panel, number(e.bias.detectable));
  build.add("detectable_bias_relative", "over |G|", "", comparison_panel, number(e.bias.detectable_relative));
  build.add("value_passes", "value passes", "", csv_only, number(e.work.value_passes));
  build.add("gradient_passes", "gradient passes", "", csv_only, number(e.work.gradient_passes));
  build.add("work", "value equivalents", "", csv_only, number(e.work.value_equivalents));
  build.add("bias_threshold", "threshold of |z|", "", csv_only, number(e.bias.threshold));
  return row;
}

std::string caption_of(const std::vector<CellSummary>& cells, const ReportContext& context) {
  Index compared = 0;
  double lowest = INFINITY;
  double highest = 0;
  for (const CellSummary& cell : cells) {
    compared += diagnostics::comparisons({*cell.cell});
    for (const auto& point : cell.points) {
      for (const auto& e : point.estimators) {
        if (e.bias.threshold > 0) {
          lowest = std::min(lowest, e.bias.threshold);
          highest = std::max(highest, e.bias.threshold);
        }
      }
    }
  }
  const std::string limit = highest - lowest < 0.005 ? fmt::format("{:.2f}", highest) : fmt::format("{:.2f} to {:.2f}", lowest, highest);
  return fmt::format(
      "Variance of one call of each estimator, all on the same random numbers in each replicate, at points of one common "
      "path. Brackets: 95 % intervals, jackknife over batches of replicates. "
      "ratio: total trace over that of {0}; ≈: its interval contains 1, not ranked. "
      "Fisher trace: sum s_i^2 Var g_m,i + 1/2 sum Var g_rho,i. "
      "bias |z|: largest deviation of the mean from the reference gradient in standard errors, the reference's own error "
      "included, corrected for skewness; beyond {1} the estimator is called biased (chance of any false alarm in this report "
      "{2}: Bonferroni over {3} comparisons). "
      "min bias: smallest bias of one coordinate, that this gate would catch with {4:.0f} % power, worst coordinate; over |G|: relative to "
      "the length of the gradient. "
      "SNR: |G|^2 / tr Var; noise scale: its inverse, the calls to average until noise equals signal. "
      "evals: per call, passes of one sample over one batch (all rows if B is all rows). "
      "ratio x evals, ratio x s: ratio times work over that of {0}; a gradient pass counts as {5:.0f} value passes (4NDS "
      "against 2NDS flops); the error of the timing is not in the interval.",
      context.baseline, limit, diagnostics::family_false_alarm_rate, compared, 100 * diagnostics::detection_power,
      diagnostics::gradient_pass_cost);
}

/// "Failed the bias gate: sf_wrong (cell_000: 0 %, 50 %)." so that a point where the bias was too small to see is read with care.
std::vector<std::string> failures_of(const std::vector<CellSummary>& cells) {
  std::map<std::string, std::string> places;
  for (const CellSummary& cell : cells) {
    std::map<std::string, std::string> labels;
    for (const auto& point : cell.points) {
      for (const auto& e : point.estimators) {
        if (e.bias.verdict == Verdict::biased) {
          labels[e.name] += (labels[e.name].empty() ? "" : ", ") + point.label;
        }
      }
    }
    for (const auto& [name, where] : labels) {
      places[name] += fmt::format("{}{}: {}", places[name].empty() ? "" : "; ", cell.cell->id, where);
    }
  }
  std::vector<std::string> notes;
  for (const auto& [name, where] : places) {
    notes.push_back(fmt::format("{} failed its bias gate ({}): read its variances at other points with care.", name, where));
  }
  return notes;
}

}  // namespace

std::vector<CellSummary> summarise_cells(const std::vector<CellRecord>& cells, const ReportContext& context) {
  const std::set<std::string> differing = differing_settings(cells);
  const diagnostics::SummaryOptions options{context.baseline, diagnostics::comparisons(cells)};
  std::vector<CellSummary> summaries;
  for (const CellRecord& cell : cells) {
    CellSummary summary{&cell, heading_of(cell, differing), {}};
    for (const PointRecord& point : cell.points) {
      summary.points.push_back(diagnostics::summarise(cell, point, options));
    }
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

Table t1(const std::vector<CellSummary>& cells, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T1 variance: {}", context.study);
  table.caption = caption_of(cells, context);
  table.panels = {"variance", fmt::format("compared with {}; work; signal; smallest bias that would be seen", context.baseline)};
  for (const CellSummary& cell : cells) {
    for (std::size_t i = 0; i < cell.points.size(); ++i) {
      const PointRecord& record = cell.cell->points[i];
      TableSection section{cell.cell->id, cell.heading, record.label, {}, {}};
      double length = 0;
      for (const double g : record.reference) {
        length += g * g;
      }
      section.notes.push_back(fmt::format("objective {}, reference gradient by {}, |G| = {}", format_number(record.objective),
                                          record.reference_method, format_number(std::sqrt(length))));
      for (const EstimatorSummary& e : cell.points[i].estimators) {
        section.rows.push_back(row_of(e, table.columns));
      }
      if (i + 1 == cell.points.size()) {
        for (const Exclusion& excluded : cell.cell->exclusions) {
          section.notes.push_back(fmt::format("not run: {} ({})", excluded.estimator, excluded.reason));
        }
      }
      table.sections.push_back(std::move(section));
    }
  }
  table.footnotes = mark_notes(table);
  for (const std::string& cell : context.excluded) table.footnotes.push_back("Not run: " + cell);
  for (std::string& note : failures_of(cells)) {
    table.footnotes.push_back(std::move(note));
  }
  return table;
}

}  // namespace variscope::experiments
