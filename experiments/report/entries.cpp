/// The entries that tables are made of, and the notes that explain their marks.
#include "experiments/report/entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/diagnostics/jackknife.hpp"
#include "experiments/report/render.hpp"

namespace variscope::experiments {

using diagnostics::Estimate;
using diagnostics::Reliability;

TableCell words(std::string text) { return {CellKind::words, std::move(text), {}, 3}; }

TableCell number(double value, std::string suffix) {
  TableCell cell{CellKind::number, std::move(suffix), {}, 3};
  cell.estimate.value = value;
  if (std::isfinite(value)) {
    cell.estimate.reliability = Reliability::reliable;
  }
  return cell;
}

TableCell estimate(const Estimate& value, std::string suffix) { return {CellKind::estimate, std::move(suffix), value, 3}; }

TableCell ratio(const Estimate& value) {
  const bool same = value.reliable() && value.lower <= 1 && value.upper >= 1 && value.lower < value.upper;
  return estimate(value, same ? " ≈" : "");
}

TableCell finely(TableCell cell) {
  cell.most_digits = 5;
  return cell;
}

TableCell passes(const diagnostics::Work& work) {
  const double all = work.value_passes + work.gradient_passes + work.hessian_passes;
  for (const auto& [part, name] :
       {std::pair{work.value_passes, " value"}, {work.gradient_passes, " grad"}, {work.hessian_passes, " hvp"}}) {
    if (part == all) {
      return number(all, name);
    }
  }
  std::string parts;
  for (const auto& [part, name] : {std::pair{work.gradient_passes, " grad"}, {work.hessian_passes, " hvp"}}) {
    parts += part > 0 ? fmt::format("{}{}{}", parts.empty() ? "" : ", ", format_cell(number(part)), name) : "";
  }
  return number(all, fmt::format(" ({})", parts));
}

TableCell absent() { return {CellKind::absent, "n/a", {}, 3}; }

TableCell withheld() { return words("-"); }

TableCell seconds(double per_call, bool well_timed) { return per_call > 0 ? number(per_call, well_timed ? "" : " ~") : words("n/a"); }

TableCell if_timed(TableCell cell, const Estimate& base) {
  return base.defined() && !cell.estimate.defined() ? withheld() : std::move(cell);
}

std::string title_of(std::string block) {
  std::replace(block.begin(), block.end(), '_', ' ');
  return block;
}

std::vector<std::string> mark_notes(const Table& table) {
  std::set<Reliability> seen;
  for (const TableSection& section : table.sections) {
    for (const TableRow& row : section.rows) {
      for (std::size_t c = 0; c < row.cells.size(); ++c) {
        if (table.columns[c].panel != csv_only && row.cells[c].kind == CellKind::estimate) {
          seen.insert(row.cells[c].estimate.reliability);
        }
      }
    }
  }
  bool untimed = false;
  bool no_signal = false;
  for (const TableSection& section : table.sections) {
    for (const TableRow& row : section.rows) {
      for (std::size_t c = 0; c < row.cells.size(); ++c) {
        const bool dash = row.cells[c].kind == CellKind::words && row.cells[c].text == withheld().text;
        const bool of_time = table.columns[c].key == "time_ratio" || table.columns[c].key == "efficiency";
        untimed = untimed || (dash && of_time) || row.cells[c].text == " ~";
        no_signal = no_signal || (dash && !of_time);
      }
    }
  }
  std::vector<std::string> notes;
  if (untimed) {
    notes.push_back(fmt::format(
        "~ and - under times: all calls together, or those compared with, took less than {:g} ms, which one interruption by the operating "
        "system would change; more replicates tell.",
        1000 * diagnostics::least_timed_seconds));
  }
  if (no_signal) {
    notes.emplace_back(
        "- where the gradient's length is divided by or compared with: the gradient is not told apart from zero by its error, or the point "
        "is the optimum, where it is what the search left.");
  }
  if (seen.contains(Reliability::heavy_tails)) {
    notes.emplace_back("† heavy tails: a few replicates carry the estimate; the interval is unreliable (too short). Not ranked.");
  }
  if (seen.contains(Reliability::unstable_maximum)) {
    notes.emplace_back("‡ unstable maximum: several coordinates compete for it; the interval is unreliable (and the value too high).");
  }
  if (seen.contains(Reliability::too_few)) {
    notes.push_back(fmt::format("§ fewer than {} batches or {} replicates: the interval is unreliable. Not ranked.",
                                diagnostics::least_batches, diagnostics::least_replicates));
  }
  if (seen.contains(Reliability::zero)) {
    notes.emplace_back("0 (<x): nothing but rounding, or an error larger than the number; the truth is below x.");
  }
  return notes;
}

}  // namespace variscope::experiments
