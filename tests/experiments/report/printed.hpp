/// What stands in a table's text: one row of one panel, cell by cell.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace variscope::experiments::testing {

/// Cells of the first line that begins with `row` below the heading `panel`, the row's label first; intervals and marks are left out.
/// Empty if there is none.
inline std::vector<std::string> printed_row(const std::string& text, const std::string& panel, const std::string& row) {
  std::vector<std::string> cells;
  const std::size_t heading = text.find("\n  " + panel + "\n");
  const std::size_t at = heading == std::string::npos ? heading : text.find("\n  " + row, heading + 1);
  if (at == std::string::npos) return cells;
  const std::string line = text.substr(at + 3, text.find('\n', at + 1) - at - 3) + "  ";
  std::size_t first = 0;
  while (first < line.size()) {
    const std::size_t last = line.find("  ", first);
    const std::string cell = line.substr(first, last - first);
    cells.push_back(cells.empty() ? cell : cell.substr(0, std::min(cell.find(" ["), cell.find("†"))));
    first = line.find_first_not_of(' ', last);
  }
  return cells;
}

}  // namespace variscope::experiments::testing
