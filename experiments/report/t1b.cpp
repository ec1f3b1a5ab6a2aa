/// Table T1b: estimators that are declared biased, by mean squared error.
#include "experiments/report/t1b.hpp"

#include <fmt/format.h>

#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::EstimatorSummary;
using diagnostics::Verdict;

TableRow row_of(const EstimatorSummary& e, std::vector<Column>& columns) {
  constexpr int error_panel = 0;
  constexpr int comparison_panel = 1;
  TableRow row{e.name, {}};
  RowBuilder build(columns, row, columns.empty());
  build.add("mean_square_error", "E|g - G|^2", "", error_panel, estimate(e.square_error.total));
  build.add("bias_square", "bias^2", "", error_panel, estimate(e.square_error.bias_square));
  build.add("trace_total", "tr Var", "", error_panel, estimate(e.total));
  const std::string verdict =
      e.bias.verdict == Verdict::biased ? " seen" : (e.bias.verdict == Verdict::unbiased ? " unseen" : " undecided");
  build.add("bias_z", "bias |z|", "", error_panel, number(e.bias.max_abs_z, verdict));
  build.add("ratio", "error ratio", "", comparison_panel, finely(ratio(e.square_error.ratio)));
  build.add("work_ratio", "ratio x evals", "", comparison_panel, ratio(e.square_error.work_ratio));
  build.add("time_ratio", "ratio x s", "", comparison_panel, if_timed(ratio(e.square_error.time_ratio), e.square_error.ratio));
  build.add("evaluations", "evals", "", comparison_panel, passes(e.work));
  build.add("seconds", "s/call", "", comparison_panel, seconds(e.seconds_per_call, e.well_timed));
  build.add("bias_threshold", "threshold of |z|", "", csv_only, number(e.bias.threshold));
  return row;
}

}  // namespace

Table t1b(const std::vector<CellSummary>& cells, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T1b biased estimators, by mean squared error: {}", context.study);
  table.panels = {"error of one call", "compared with the variance of the unbiased baseline; work"};
  for (const CellSummary& cell : cells) {
    for (std::size_t i = 0; i < cell.points.size(); ++i) {
      TableSection section{cell.cell->id, cell.heading, cell.cell->points[i].label, {}, {}};
      for (const EstimatorSummary& e : cell.points[i].estimators) {
        if (e.declared_biased) {
          section.rows.push_back(row_of(e, table.columns));
        }
      }
      if (!section.rows.empty()) {
        const std::string& baseline = cell.points[i].baseline;
        section.notes.push_back(baseline.empty() ? "no baseline was run" : fmt::format("compared with {}", baseline));
        table.sections.push_back(std::move(section));
      }
    }
  }
  table.caption =
      "Estimators that are declared biased, judged by their error and not by their variance, which alone would flatter them. E|g - G|^2: "
      "mean squared distance of one call from the reference gradient, the reference's own error taken off; = bias^2 + tr Var. bias^2: "
      "|mean - G|^2 less what sampling error makes of it, unbiased, and so possibly negative where the bias is near zero: the interval "
      "then "
      "contains 0; the reference's error is in its interval. Brackets: 95 % intervals, jackknife over batches of replicates. bias |z|: as "
      "in T1; seen: beyond its threshold. error ratio: E|g - G|^2 over tr Var of the baseline, on the same random numbers; ≈: its interval "
      "contains 1, not ranked. Averaging R calls divides tr Var by R and leaves bias^2: the ratio is that of single calls.";
  table.footnotes = mark_notes(table);
  return table;
}

}  // namespace variscope::experiments
