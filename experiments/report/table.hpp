/// A table without a format: what the text, Markdown, CSV and LaTeX writers all read.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/diagnostics/estimate.hpp"

namespace variscope::experiments {

/// A column. Wide tables are split into panels, printed one under the other.
struct Column {
  std::string key;    ///< "trace_mean": the quantity's name in the CSV
  std::string title;  ///< "tr Var mean"
  std::string unit;   ///< "" if it has none
  int panel = 0;
};

enum class CellKind { words, number, estimate, absent };

/// One entry. words: text alone. number: value. estimate: value, interval and flag. absent: the row's family has no such quantity; a column
/// with nothing else is left out where it stands, and the CSV has no line.
struct TableCell {
  CellKind kind = CellKind::words;
  std::string text;                ///< of words; otherwise appended to the number ("≈")
  diagnostics::Estimate estimate;  ///< of a number only `value` is used
  int most_digits = 3;             ///< significant digits, where three cannot tell an interval's ends apart
  bool best = false;               ///< of its column, beyond noise: shown in bold
};

struct TableRow {
  std::string name;              ///< estimator
  std::vector<TableCell> cells;  ///< one per column
  std::string variant = {};      ///< tells rows of one estimator apart: "R = 4, noise shared"; a column of its own in the CSV

  [[nodiscard]] std::string label() const { return variant.empty() ? name : name + ", " + variant; }
};

/// One point of one cell.
struct TableSection {
  std::string cell;          ///< "cell_000"
  std::string cell_heading;  ///< what distinguishes the cell
  std::string point;         ///< "50 %"
  std::vector<TableRow> rows;
  std::vector<std::string> notes;  ///< excluded estimators with reasons, reference method
};

struct Table {
  std::string title;
  std::string caption;
  std::vector<std::string> panels;  ///< heading of each panel
  std::vector<Column> columns;
  std::vector<TableSection> sections;
  std::vector<std::string> footnotes;
  std::string place = "Point ";          ///< stands before the name of each section's point
  std::set<std::string> essential = {};  ///< keys of the columns that a shortened version keeps
};

}  // namespace variscope::experiments
