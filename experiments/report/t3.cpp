/// Table T3: how the variance falls with the number of replicas under every policy for noise and rows.
#include "experiments/report/t3.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/diagnostics/comparison.hpp"
#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Agreement;
using diagnostics::ScalingPoint;
using diagnostics::ScalingSummary;

constexpr int variance_panel = 0;
constexpr int work_panel = 1;

TableCell replicas(const std::optional<Index>& useful, bool predicted) {
  if (!predicted) {
    return words("n/a");
  }
  return useful ? number(static_cast<double>(*useful)) : words("no limit");
}

std::string verdict(Agreement agreement) {
  switch (agreement) {
    case Agreement::agrees:
      return "";
    case Agreement::above:
      return " above";
    case Agreement::below:
      return " below";
    case Agreement::undecided:
      return " undecided";
  }
  return "";
}

TableRow row_of(const ScalingSummary& summary, const ScalingPoint& point, std::vector<Column>& columns) {
  const diagnostics::Setting& setting = point.check.setting;
  const diagnostics::Policy& policy = point.check.policy;
  const diagnostics::Comparison& comparison = point.check.comparison;
  const bool predicted = comparison.predicted.defined();
  TableRow row{summary.estimator, {}};
  row.variant = fmt::format("R = {}", setting.replicas);
  row.variant += fmt::format(", noise {}, {}", to_text(policy.noise), setting.batch_rows > 0 ? "rows " + to_text(policy.rows) : "all rows");
  RowBuilder build(columns, row, columns.empty());
  build.add("replicas", "R", "", csv_only, number(static_cast<double>(setting.replicas)));
  build.add("noise_policy", "noise", "", csv_only, words(to_text(policy.noise)));
  build.add("row_policy", "rows", "", csv_only, words(to_text(policy.rows)));
  build.add("sample_sets", "sets of dependent samples", "", csv_only, number(static_cast<double>(setting.samples)));
  build.add("batch_rows", "B", "", csv_only, number(static_cast<double>(setting.batch_rows)));

  build.add("variance", "tr Var", "", variance_panel, estimate(comparison.measured));
  build.add("ratio", "R Var_R / Var_1", "", variance_panel, finely(setting.replicas > 1 ? ratio(point.ratio) : estimate(point.ratio)));
  build.add("predicted", "predicted tr Var", "", variance_panel, estimate(comparison.predicted));
  const bool compared = std::isfinite(comparison.z);
  const std::string judgement = predicted && !point.check.judged() ? " (shards)" : verdict(comparison.agreement);
  build.add("z", "z", "", variance_panel, compared ? number(comparison.z, judgement) : words("n/a"));
  build.add("agreement", "verdict", "", csv_only, words(to_text(comparison.agreement)));
  build.add("threshold", "threshold of |z|", "", csv_only, number(comparison.threshold));
  build.add("freedom", "degrees of freedom", "", csv_only, number(comparison.freedom));

  const bool signal = summary.norm_square > 0;
  build.add("seconds", "core s/call", "", work_panel, seconds(point.seconds, point.well_timed));
  const TableCell efficiency = setting.replicas > 1 ? ratio(point.efficiency) : estimate(point.efficiency);
  build.add("efficiency", "efficiency", "", work_panel, point.seconds > 0 ? if_timed(efficiency, point.ratio) : efficiency);
  build.add("noise_scale", "noise scale", "", work_panel, signal ? estimate(point.noise_scale) : withheld());
  build.add("step_progress", "step efficiency", "", work_panel, number(point.step_progress));
  build.add("useful", "useful R", "", work_panel, signal || !predicted ? replicas(point.useful, predicted) : withheld());
  build.add("useful_floor", "useful R, variance alone", "", csv_only, replicas(point.useful_floor, predicted));
  return row;
}

}  // namespace

Table t3(const std::vector<ScalingSection>& sections, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T3 scaling: {}", context.study);
  table.panels = {"variance of the mean over R replicas", "what a replica pays"};
  table.essential = {"variance", "ratio", "predicted", "z", "efficiency", "useful"};
  double share = 0.5;
  double threshold = 0;
  bool dealt = false;
  for (const ScalingSection& part : sections) {
    TableSection section{part.cell, part.heading, part.point, {}, {""}};
    for (const ScalingSummary& summary : part.estimators) {
      share = summary.share;
      section.notes.front() =
          summary.norm_square > 0 ? fmt::format("|G| = {}", format_number(std::sqrt(summary.norm_square))) : "|G| not told apart from zero";
      for (const ScalingPoint& point : summary.points) {
        threshold = std::max(threshold, point.check.comparison.threshold);
        dealt = dealt || (point.check.comparison.predicted.defined() && !point.check.judged());
        section.rows.push_back(row_of(summary, point, table.columns));
      }
    }
    section.notes.insert(section.notes.end(), part.notes.begin(), part.notes.end());
    table.sections.push_back(std::move(section));
  }
  table.caption = fmt::format(
      "Variance of the gradient averaged over R replicas of B rows and M samples each. R is a property of the study, not of the machine. "
      "noise: each replica its own, one for all, or pieces of one net (estimators without a net to split then have noise of their own, and "
      "stand there once); rows: how the replicas' rows are drawn. Brackets: 95 % intervals, jackknife over batches of replicates. "
      "R Var_R / Var_1: 1 is ideal, below 1 disjoint rows pay extra, R means that nothing is gained; ≈: the interval contains 1, not told "
      "apart from ideal. predicted: from the components of T2 under the declared policy; z: logarithm of measured over predicted in "
      "standard errors, both errors included, marked above or below beyond about {:.2f} (chance of any false alarm in this report {}: "
      "Bonferroni): replicas that share a stream they should not share show as above. Fixed shards are strata, predicted from components "
      "measured within every shard, whatever the order of the rows; useful R is that of rows dealt to shards at random.{} core s/call: "
      "seconds of all cores for one averaged call. "
      "efficiency: Var_1 s_1 / (Var_R s_R), 1 is ideal; the error of the timing is not in the interval. noise scale: tr Var / |G|^2, the "
      "calls to average until noise equals signal; the error of |G|^2 is not in its interval. step efficiency: (|G|^2 + Var_1) / "
      "(R (|G|^2 + Var_R)), progress per replica of a step of ideal length. useful R: the largest R whose predicted step efficiency is at "
      "least {:.0f} %; no limit: none is too large.",
      threshold, diagnostics::comparison_false_alarm_rate,
      dealt ? " (shards): this run recorded no components within these shards; predicted is what rows dealt to shards at random have on "
              "average, from which rows in some order (of time, of classes) differ above or below, so that z is no verdict."
            : "",
      100 * share);
  table.footnotes = mark_notes(table);
  return table;
}

}  // namespace variscope::experiments
