/// A table of texts for a terminal: aligned, cells broken over lines where the terminal is too narrow for them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace variscope::experiments {

/// Characters in a line of what standard output is, if that is a terminal; otherwise COLUMNS of the environment; 0: no bound.
std::size_t output_columns();

/// Headings, a rule and the rows, columns two blanks apart; each row has as many cells as there are headings. No line is wider than `width`
/// characters (0: as wide as it comes), unless a single word does not fit: cells are then broken between words, narrow columns not.
std::string text_table(const std::vector<std::string>& headings, const std::vector<std::vector<std::string>>& rows, std::size_t width);

}  // namespace variscope::experiments
