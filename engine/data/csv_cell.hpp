/// One line of separated text (commas, tabs) taken apart into cells, and one cell into a number.
#pragma once

#include <string>
#include <string_view>

#include "engine/index.hpp"

namespace variscope::data::detail {

/// Takes the cells of a line from left to right. Blanks around a cell and the quotes around it are removed; within quotes the separator and
/// line breaks are text, and a doubled quote stands for one.
class CellReader {
 public:
  enum class Outcome { cell, end, open_quote, text_after_quote };

  explicit CellReader(std::string_view line, char separator = ',') : line_(line), separator_(separator) {}
  /// The view lives until the next call.
  Outcome next(std::string_view& cell);

 private:
  Outcome next_quoted(std::size_t start, std::string_view& cell);
  /// Skipped around cells: a tab is no blank where it separates.
  [[nodiscard]] bool blank(char c) const { return (c == ' ' || c == '\t') && c != separator_; }

  std::string_view line_;
  char separator_;
  std::size_t at_ = 0;
  bool done_ = false;
  std::string unescaped_;
};

enum class CellKind { number, missing, not_finite, too_large, text };

/// number: `value` is set. A number too small for a double is 0 or the nearest subnormal.
CellKind parse_cell(std::string_view cell, double& value);

std::string_view trim(std::string_view text);

/// Text as it can stand in a one-line message: quoted, at most 40 characters, control characters as '?'.
std::string shown(std::string_view text);

}  // namespace variscope::data::detail
