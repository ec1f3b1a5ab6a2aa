/// Write a table as text, Markdown, CSV or LaTeX.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/diagnostics/estimate.hpp"
#include "experiments/report/table.hpp"

namespace variscope::experiments {

/// Significant digits: "26.8", "0.0123", "1.23e-7", "12346" (all digits of the integer part below 1e5); "n/a" if not finite.
std::string format_number(double value, int digits = 3);
/// "26.8 [25.9, 27.7]", with up to most_digits where 3 cannot tell the ends apart: "0.9994 [0.9992, 0.9996]"; "0 (<1e-24)"; "n/a". Marks of
/// an interval that must not be trusted: † heavy tails, ‡ unstable maximum, § too few.
std::string format_estimate(const diagnostics::Estimate& estimate, int most_digits = 3);
/// Places of the columns of one panel that hold anything in these sections.
std::vector<std::size_t> columns_of(const Table& table, int panel, std::span<const TableSection> sections);
/// Any cell.
std::string format_cell(const TableCell& cell);
/// Characters a terminal shows: UTF-8 code points.
std::size_t display_width(const std::string& text);

/// Aligned columns, sections as sub-headings, UTF-8.
std::string render_text(const Table& table);
std::string render_markdown(const Table& table);
/// Tidy: one line per number, with full precision (17 digits), interval and flag; a column `variant` if rows have one. RFC 4180 quoting.
std::string render_csv(const Table& table);
/// One text with every character that LaTeX would read as a command escaped, and powers of ten ("1.2e-7") set as such.
std::string latex_escaped(const std::string& text);
/// One booktabs table per cell and panel, points as sub-headings; needs \usepackage{booktabs,graphicx}.
std::string render_latex(const Table& table);

}  // namespace variscope::experiments
