/// The rows of a design matrix that one rank holds, row-major, with the response beside it.
#pragma once

#include <string>
#include <vector>

#include "engine/aligned_vector.hpp"
#include "engine/index.hpp"

namespace variscope::data {

/// A column beside the design that a model may name: a group, an offset, a number of trials. Kept as it stands in the file.
struct SideColumn {
  std::string name;
  std::vector<double> values;       ///< of the held rows; with levels: the level's index
  std::vector<std::string> levels;  ///< of a categorical column, the same on every rank; empty: a number
};

/// Rows `held` of a global table of `rows` rows. design is held.size() x stride(), row-major; response is empty if there is none.
struct Table {
  Index rows = 0;                    ///< global number of rows N
  Range held;                        ///< the global rows stored here
  std::vector<std::string> columns;  ///< names, the intercept included where asked for
  AlignedVector design;
  Index padding = 0;  ///< zeros behind the numbers of each row (align_rows)
  std::vector<double> response;
  std::string response_name;
  std::vector<std::string> response_levels;  ///< of a categorical response, in the order of its codes
  std::vector<SideColumn> side_columns;

  /// nullptr if there is none of that name.
  [[nodiscard]] const SideColumn* side_column(const std::string& name) const {
    for (const SideColumn& column : side_columns) {
      if (column.name == name) return &column;
    }
    return nullptr;
  }
  [[nodiscard]] Index width() const { return static_cast<Index>(columns.size()); }
  /// Numbers from one row to the next.
  [[nodiscard]] Index stride() const { return width() + padding; }
  /// Global row `row`, width() doubles. The row must be held.
  [[nodiscard]] const double* row(Index row) const { return design.data() + (row - held.first) * stride(); }
  [[nodiscard]] Index bytes() const {
    std::size_t numbers = design.capacity() + response.capacity();
    for (const SideColumn& column : side_columns) numbers += column.values.capacity();
    return static_cast<Index>(numbers * sizeof(double));
  }
};

}  // namespace variscope::data
