/// The rows of a design matrix that one rank holds, row-major, with the response beside it.
#pragma once

#include <string>
#include <vector>

#include "engine/aligned_vector.hpp"
#include "engine/index.hpp"

namespace variscope::data {

/// Rows `held` of a global table of `rows` rows. design is held.size() x columns(), row-major; response is empty if there is none.
struct Table {
  Index rows = 0;                    ///< global number of rows N
  Range held;                        ///< the global rows stored here
  std::vector<std::string> columns;  ///< names, the intercept included where asked for
  AlignedVector design;
  std::vector<double> response;
  std::string response_name;

  [[nodiscard]] Index width() const { return static_cast<Index>(columns.size()); }
  /// Global row `row`, width() doubles. The row must be held.
  [[nodiscard]] const double* row(Index row) const { return design.data() + (row - held.first) * width(); }
  [[nodiscard]] Index bytes() const { return static_cast<Index>((design.capacity() + response.capacity()) * sizeof(double)); }
};

}  // namespace variscope::data
