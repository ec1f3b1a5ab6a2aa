/// One panel: components, and the variance that they make of a replica's estimate.
#include "experiments/report/t2_shards.hpp"

#include <fmt/format.h>

#include "experiments/report/entries.hpp"

namespace variscope::experiments {

Table t2_shards(const std::vector<ShardPoint>& points, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T2 noise components within fixed shards: {}", context.study);
  table.panels = {"all parameters"};
  table.essential = {"monte_carlo", "data", "interaction", "variance"};
  bool whole = false;
  bool joint = false;
  for (const ShardPoint& point : points) {
    TableSection section{point.cell, point.heading, point.point, {}, {}};
    for (const ShardComponents& shard : point.shards) {
      TableRow row{shard.estimator, {}, fmt::format("shard {}, rows {} to {}", shard.shard, shard.rows.first, shard.rows.last - 1)};
      RowBuilder build(table.columns, row, table.columns.empty());
      build.add("shard", "shard", "", csv_only, number(static_cast<double>(shard.shard)));
      build.add("rows", "N_r", "", 0, number(static_cast<double>(shard.rows.size())));
      build.add("monte_carlo", "s2_e", "", 0, estimate(shard.estimates.monte_carlo));
      build.add("data", "s2_d", "", 0, estimate(shard.estimates.data));
      build.add("interaction", "s2_ed", "", 0, estimate(shard.estimates.interaction));
      build.add("variance", "tr Var", "", 0, estimate(shard.variance));
      const bool data = shard.estimates.data.defined();
      whole = whole || !data;
      joint = joint || (data && !shard.estimates.interaction.defined());
      section.rows.push_back(std::move(row));
    }
    if (!section.rows.empty()) table.sections.push_back(std::move(section));
  }
  table.caption =
      "As T2, of the estimate that the replica owning shard r makes of the whole gradient (prior once, likelihood R N_r / B times), over "
      "that shard's N_r rows alone: tr Var = s2_e / M + s2_d f / B + s2_ed f / (B M), f = (N_r - B) / (N_r - 1). The mean over R replicas "
      "has 1 / R^2 of the shards' sum where their noise is their own; under shared noise the shards' s2_e / M give way to that of all "
      "rows. "
      "Shards whose rows are alike have little s2_d of their own: what tells shards apart makes no noise. From crossed designs within "
      "every "
      "shard; brackets: 95 % intervals, jackknife over batches of designs.";
  table.footnotes = mark_notes(table);
  if (whole)
    table.footnotes.emplace_back("n/a under s2_d and s2_ed: every minibatch takes all rows of such a shard, whose data make no noise.");
  if (joint) {
    table.footnotes.emplace_back(
        "Estimators with noise of their own per row: s2_e stands for s2_e + s2_ed, which cannot be told apart and need not be.");
  }
  return table;
}

}  // namespace variscope::experiments
