/// Table T2: Monte Carlo noise, data noise and their interaction, how to split a budget between samples and rows, and whether predictions
/// hold.
#include "experiments/report/t2.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/diagnostics/comparison.hpp"
#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::BlockComponents;
using diagnostics::Check;
using diagnostics::ComponentSummary;

TableCell percent(const diagnostics::Estimate& share) { return estimate(diagnostics::scaled(share, 100)); }

void add_block(RowBuilder& build, const BlockComponents& block, int panel) {
  const std::string& name = block.name;
  build.add("monte_carlo_" + name, "s2_e", "", panel, estimate(block.estimates.monte_carlo));
  build.add("data_" + name, "s2_d", "", panel, estimate(block.estimates.data));
  build.add("interaction_" + name, "s2_ed", "", panel, estimate(block.estimates.interaction));
  build.add("share_monte_carlo_" + name, "share e", "%", panel, percent(block.shares.monte_carlo));
  build.add("share_data_" + name, "share d", "%", panel, percent(block.shares.data));
  build.add("share_interaction_" + name, "share ed", "%", panel, percent(block.shares.interaction));
  build.add("variance_" + name, "tr Var " + title_of(name), "", csv_only, estimate(block.variance));
}

/// blocks: of all cells; the row's family may lack some.
TableRow row_of(const ComponentSummary& e, const std::vector<std::string>& blocks, std::vector<Column>& columns) {
  TableRow row{e.estimator, {}};
  RowBuilder build(columns, row, columns.empty());
  int panel = 0;
  for (const std::string& name : blocks) {
    const auto found = std::find_if(e.blocks.begin(), e.blocks.end(), [&](const BlockComponents& block) { return block.name == name; });
    const std::size_t first = row.cells.size();
    BlockComponents missing;
    missing.name = name;
    add_block(build, found == e.blocks.end() ? missing : *found, panel++);
    if (found == e.blocks.end()) {
      std::fill(row.cells.begin() + static_cast<std::ptrdiff_t>(first), row.cells.end(), absent());
    }
  }
  add_block(build, e.total, panel++);

  const auto real = [](Index value) { return static_cast<double>(value); };
  const bool known = e.best_variance.defined();
  const Index drawn = e.setting.batch_rows > 0 ? e.setting.batch_rows : e.setting.rows;
  const double samples = real(e.setting.samples * e.set_size);
  build.add("samples", "M", "", panel, number(samples));
  build.add("batch_rows", "B", "", panel, number(real(drawn)));
  build.add("budget", "M B", "", panel, number(samples * real(std::max<Index>(drawn, 1))));
  build.add("variance", "tr Var", "", panel, estimate(e.total.variance));
  build.add("best_samples", "M*", "", panel, known ? number(real(e.best.samples * e.set_size)) : words("n/a"));
  build.add("best_batch_rows", "B*", "", panel, known ? number(real(e.best.batch_rows)) : words("n/a"));
  build.add("best_variance", "tr Var*", "", panel, estimate(e.best_variance));
  build.add("best_ratio", "tr Var* / tr Var", "", panel, ratio(e.best_ratio));
  build.add("set_size", "dependent samples", "", csv_only, number(real(e.set_size)));
  return row;
}

/// "n/a" of a component has a reason.
std::vector<std::string> reasons_of(const std::vector<ComponentPoint>& points) {
  bool all_rows = false;
  bool joint = false;
  bool sets = false;
  for (const ComponentPoint& point : points) {
    for (const ComponentSummary& e : point.estimators) {
      all_rows = all_rows || (e.total.estimates.monte_carlo.defined() && !e.total.estimates.data.defined());
      joint = joint || e.setting.own_noise_per_row;
      sets = sets || e.set_size > 1;
    }
  }
  std::vector<std::string> notes;
  if (all_rows) {
    notes.emplace_back("n/a under s2_d and s2_ed: every estimate uses all rows, which tells nothing about single rows.");
  }
  if (joint) {
    notes.emplace_back(
        "Estimators with noise of their own per row: s2_e stands for s2_e + s2_ed, which cannot be told apart and need not be.");
  }
  if (sets) {
    notes.emplace_back(
        "Estimators whose samples depend on each other (antithetic, leave-one-out, RQMC): s2_e and s2_ed are those of one set of "
        "dependent samples (a pair, or all M of an estimate) in the place of one sample's; M* is a number of samples like M, and a "
        "multiple of the set's size, as no set is cut.");
  }
  return notes;
}

}  // namespace

Table t2(const std::vector<ComponentPoint>& points, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T2 noise components: {}", context.study);
  table.caption =
      "Traces of the variance components of one row's gradient term at one noise, g(n, eps) = G + a(eps) + b(n) + c(n, eps): Monte Carlo "
      "s2_e = E a^2, data s2_d = mean b^2, interaction s2_ed = mean E c^2 (1/N over rows); one call has tr Var = s2_e / M + s2_d f / B + "
      "s2_ed f / (B M), f = (N - B) / (N - 1) without replacement, 1 with. From crossed designs (minibatches x sample sets), unbiased, and "
      "so "
      "possibly negative where the truth is near zero: the interval then contains 0. Brackets: 95 % intervals, jackknife over batches of "
      "designs. share: of the variance of one call at the cell's own M and B. M*, B*: least predicted tr Var of all integers with M* B* <= "
      "M B row evaluations, B* <= N, at the point estimates, negative ones taken as 0; the interval of tr Var* / tr Var is that of these "
      "two settings; ≈: it contains 1, the two are not ranked.";
  table.essential = {
      "monte_carlo_total", "data_total",      "interaction_total", "share_monte_carlo_total", "share_data_total", "share_interaction_total",
      "best_samples",      "best_batch_rows", "best_ratio"};
  std::vector<std::string> blocks;
  for (const ComponentPoint& point : points) {
    for (const ComponentSummary& e : point.estimators) {
      for (const BlockComponents& block : e.blocks) {
        if (std::find(blocks.begin(), blocks.end(), block.name) == blocks.end()) {
          blocks.push_back(block.name);
          table.panels.push_back(title_of(block.name));
        }
      }
    }
  }
  table.panels.emplace_back("all parameters");
  table.panels.emplace_back("best split of the same row evaluations between samples and rows");
  for (const ComponentPoint& point : points) {
    TableSection section{point.cell, point.heading, point.point, {}, {""}};
    for (const ComponentSummary& e : point.estimators) {
      section.rows.push_back(row_of(e, blocks, table.columns));
    }
    section.notes.front() = point.estimators.empty() ? "no components" : fmt::format("{} estimators", point.estimators.size());
    section.notes.insert(section.notes.end(), point.notes.begin(), point.notes.end());
    table.sections.push_back(std::move(section));
  }
  table.footnotes = mark_notes(table);
  for (std::string& note : reasons_of(points)) {
    table.footnotes.push_back(std::move(note));
  }
  return table;
}

Table t2_checks(const std::vector<ComponentPoint>& points, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T2 predicted against measured: {}", context.study);
  table.panels = {"tr Var at the designs' own and at other settings"};
  table.essential = {"predicted", "measured", "z", "agreement"};
  double threshold = 0;
  bool dealt = false;
  for (const ComponentPoint& point : points) {
    TableSection section{point.cell, point.heading, point.point, {}, {}};
    for (const ComponentSummary& e : point.estimators) {
      for (const Check& check : e.checks) {
        TableRow row{e.estimator, {}};
        const Index samples = check.setting.samples * e.set_size;
        const Index rows = check.setting.batch_rows > 0 ? check.setting.batch_rows : check.setting.rows;
        row.variant = fmt::format("M = {}, B = {}", samples, rows);
        if (check.setting.replicas > 1) {
          row.variant +=
              fmt::format(", R = {}, noise {}, rows {}", check.setting.replicas, to_text(check.policy.noise), to_text(check.policy.rows));
        } else if (check.setting.batch_rows > 0 && check.policy.rows == diagnostics::RowPolicy::with_replacement) {
          row.variant += ", with replacement";
        }
        RowBuilder build(table.columns, row, table.columns.empty());
        build.add("samples", "M", "", csv_only, number(static_cast<double>(samples)));
        build.add("batch_rows", "B", "", csv_only, number(static_cast<double>(rows)));
        build.add("replicas", "R", "", csv_only, number(static_cast<double>(check.setting.replicas)));
        build.add("predicted", "predicted", "", 0, estimate(check.comparison.predicted));
        build.add("measured", "measured", "", 0, estimate(check.comparison.measured));
        build.add("z", "z", "", 0, number(check.comparison.z));
        build.add("agreement", "verdict", "", 0, words(to_text(check.comparison.agreement)));
        build.add("threshold", "threshold of |z|", "", csv_only, number(check.comparison.threshold));
        build.add("freedom", "degrees of freedom", "", csv_only, number(check.comparison.freedom));
        dealt = dealt || (check.comparison.predicted.defined() && !check.judged());
        threshold = std::max(threshold, check.comparison.threshold);
        section.rows.push_back(std::move(row));
      }
    }
    if (!section.rows.empty()) {
      table.sections.push_back(std::move(section));
    }
  }
  table.caption = fmt::format(
      "predicted: tr Var from the components of T2; measured: from independent replicates at that setting. Brackets: 95 % intervals. z: "
      "logarithm of measured over predicted in standard errors, both errors included; beyond {:.2f} (or less: degrees of freedom differ) "
      "the two disagree (chance of any false alarm in this report {}: Bonferroni).{}",
      threshold, diagnostics::comparison_false_alarm_rate,
      dealt ? " Fixed shards without components of their own stay undecided: predicted as if their rows had been dealt at random, from "
              "which rows in some order differ."
            : "");
  table.footnotes = mark_notes(table);
  return table;
}

}  // namespace variscope::experiments
