/// The entries that tables are made of, and the notes that explain their marks.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/diagnostics/work.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// Panel of columns that stand in the CSV alone.
inline constexpr int csv_only = -1;

TableCell words(std::string text);
TableCell number(double value, std::string suffix = "");
TableCell estimate(const diagnostics::Estimate& value, std::string suffix = "");
/// An estimate with "≈" if its interval contains 1: not ranked.
TableCell ratio(const diagnostics::Estimate& value);
/// With more digits where three cannot tell an interval's ends apart: estimators on common random numbers differ by a thousandth.
TableCell finely(TableCell cell);
/// "16 grad": passes of one call.
TableCell passes(const diagnostics::Work& work);
TableCell absent();
/// "-": a number that would mislead; mark_notes() gives the column's reason.
TableCell withheld();
/// Seconds a call, marked where they are too few to be compared.
TableCell seconds(double per_call, bool well_timed);
/// The number if there is one, withheld if its base is there without it.
TableCell if_timed(TableCell cell, const diagnostics::Estimate& base);

/// Adds columns and cells side by side, so that they cannot get out of step.
class RowBuilder {
 public:
  RowBuilder(std::vector<Column>& columns, TableRow& row, bool define) : columns_(columns), row_(row), define_(define) {}
  void add(const std::string& key, const std::string& title, const std::string& unit, int panel, TableCell cell) {
    if (define_) {
      columns_.push_back({key, title, unit, panel});
    }
    row_.cells.push_back(std::move(cell));
  }

 private:
  std::vector<Column>& columns_;
  TableRow& row_;
  bool define_;
};

/// "log_scale" -> "log scale".
std::string title_of(std::string block);

/// Explains the marks that occur in the columns shown.
std::vector<std::string> mark_notes(const Table& table);

}  // namespace variscope::experiments
