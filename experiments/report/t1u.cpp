/// Table T1u: by how much the variance of gradients over all rows understates that of gradients over a minibatch.
#include "experiments/report/t1u.hpp"

#include <fmt/format.h>

#include "engine/diagnostics/comparison.hpp"
#include "engine/diagnostics/fisher.hpp"
#include "engine/diagnostics/moments.hpp"
#include "engine/diagnostics/variance.hpp"
#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"
#include "experiments/report/same_path.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Estimate;
using diagnostics::EstimatorSummary;
using diagnostics::VarianceStatistics;
using diagnostics::Verdict;

/// One estimator at one point of a cell: its record and what T1 says of it.
struct Measured {
  const CellSummary* cell = nullptr;
  const PointRecord* point = nullptr;
  const EstimatorRecord* record = nullptr;
  const EstimatorSummary* summary = nullptr;
};

/// Without a record if it was not run, or if nothing may be said about its variance.
Measured measured(const CellSummary& cell, std::size_t point, const std::string& estimator) {
  Measured m{&cell, &cell.cell->points[point], nullptr, nullptr};
  const int place = place_of(*m.point, estimator);
  if (place < 0) return m;
  const EstimatorSummary& summary = cell.points[point].estimators[static_cast<std::size_t>(place)];
  if (summary.declared_biased || summary.bias.verdict != Verdict::unbiased) return m;
  m.record = &m.point->estimators[static_cast<std::size_t>(place)];
  m.summary = &summary;
  return m;
}

VarianceStatistics statistics_of(const Measured& m) {
  const CellRecord& cell = *m.cell->cell;
  const std::vector<double> floor = diagnostics::rounding_floor(*m.point, diagnostics::is_mean_field(cell, *m.point));
  return diagnostics::variance_statistics(m.record->moments, cell.blocks, floor, {});
}

/// Row evaluations of one call of the minibatch cell over those of the other.
double work_of(const Measured& batch, const Measured& all) {
  const auto rows = [](const Measured& m) {
    const CellRecord& cell = *m.cell->cell;
    return m.summary->work.value_equivalents * static_cast<double>(cell.batch_rows > 0 ? cell.batch_rows : cell.rows);
  };
  return rows(batch) / rows(all);
}

TableRow row_of(const Measured& batch, const Measured& all, const Measured& start, const std::vector<std::string>& blocks,
                std::vector<Column>& columns) {
  const VarianceStatistics over = statistics_of(batch);
  const VarianceStatistics under = statistics_of(all);
  const Estimate whole = diagnostics::jackknife_ratio(over.total, under.total, over.count);
  TableRow row{batch.record->name, {}};
  RowBuilder build(columns, row, columns.empty());
  build.add("understated", "tr Var B / all", "", 0, ratio(whole));
  for (const std::string& name : blocks) {
    TableCell cell = absent();
    for (std::size_t k = 0; k < batch.cell->cell->blocks.size(); ++k) {
      if (batch.cell->cell->blocks[k].name == name) cell = ratio(diagnostics::jackknife_ratio(over.trace[k], under.trace[k], over.count));
    }
    build.add("understated_" + name, title_of(name), "", 0, cell);
  }
  build.add("understated_work", "x rows", "", 0, ratio(diagnostics::scaled(whole, work_of(batch, all))));
  const bool at_start = start.point == all.point;
  build.add("understated_start", "over all rows at the start", "", 0,
            start.record == nullptr
                ? words("n/a")
                : ratio(at_start ? whole : diagnostics::ratio_of_independent(batch.summary->total, start.summary->total)));
  build.add("trace_batch", "tr Var B", "", csv_only, estimate(batch.summary->total));
  build.add("trace_all", "tr Var all rows", "", csv_only, estimate(all.summary->total));
  return row;
}

bool same_batches(const Measured& a, const Measured& b) { return a.record->moments.count == b.record->moments.count; }

}  // namespace

Table t1u(const std::vector<CellSummary>& cells, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T1u minibatch noise that a metric over all rows leaves out: {}", context.study);
  table.panels = {"variance over B rows, in units of that over all rows"};
  table.essential = {"understated", "understated_work", "understated_start"};
  std::vector<const CellRecord*> records;
  records.reserve(cells.size());
  for (const CellSummary& cell : cells) records.push_back(cell.cell);
  const std::vector<std::string> blocks = block_names(records);
  for (const auto& group : groups_of(cells, [](const std::string& key) { return key == "estimators.batch_rows"; })) {
    const CellSummary* all = nullptr;
    for (const CellSummary* cell : group) {
      if (cell->cell->batch_rows == 0 && cell->cell->rows > 0) all = cell;
    }
    for (const CellSummary* cell : group) {
      if (all == nullptr || cell->cell->batch_rows == 0 || bounds_by_importance(*cell->cell)) continue;
      for (std::size_t i = 0; i < cell->points.size(); ++i) {
        const int like = point_like(*all->cell, cell->cell->points[i]);
        if (like < 0) continue;
        TableSection section{cell->cell->id, cell->heading, cell->points[i].label, {}, {}};
        section.notes.push_back(fmt::format("all rows: {}; the start: point {}", all->cell->id, all->points.front().label));
        for (const EstimatorRecord& e : cell->cell->points[i].estimators) {
          const Measured batch = measured(*cell, i, e.name);
          const Measured whole = measured(*all, static_cast<std::size_t>(like), e.name);
          if (batch.record == nullptr || whole.record == nullptr || !same_batches(batch, whole)) continue;
          section.rows.push_back(row_of(batch, whole, measured(*all, 0, e.name), blocks, table.columns));
        }
        if (!section.rows.empty()) table.sections.push_back(std::move(section));
      }
    }
  }
  table.caption =
      "What an optimiser with minibatches of B rows sees, in units of what is measured on all rows: total trace of the variance of one "
      "call "
      "over B rows, at the current parameters, over that over all rows at the same point, and block by block; on the same sample noise in "
      "each replicate. x rows: the same at equal evaluations, times the rows evaluated by a call over those by one on all rows. over all "
      "rows at the start: over the variance on all rows at the first point, the parameters fixed. Brackets: 95 % intervals, jackknife over "
      "batches of replicates; ≈: the interval contains 1.";
  table.footnotes = mark_notes(table);
  return table;
}

}  // namespace variscope::experiments
