/// Write a table as LaTeX: booktabs, one table per cell and panel, points as sub-headings.
#include <fmt/format.h>

#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 21> replacements = {{
    {"\\", "\\textbackslash{}"},
    {"{", "\\{"},
    {"}", "\\}"},
    {"&", "\\&"},
    {"%", "\\%"},
    {"$", "\\$"},
    {"#", "\\#"},
    {"_", "\\_"},
    {"~", "\\textasciitilde{}"},
    {"^", "\\textasciicircum{}"},
    {"<", "\\textless{}"},
    {">", "\\textgreater{}"},
    {"|", "\\textbar{}"},
    {"\"", "''"},
    {"≈", "$\\approx$"},
    {"†", "\\textsuperscript{\\dag}"},
    {"‡", "\\textsuperscript{\\ddag}"},
    {"§", "\\textsuperscript{\\S}"},
    {"–", "--"},
    {"…", "\\dots{}"},
    {"×", "$\\times$"},
}};

/// Whether a power of ten starts at `e` ("e-24" after a digit); its end in `last`.
bool exponent_at(const std::string& text, std::size_t e, std::size_t& last) {
  const auto digit = [&](std::size_t i) { return i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0; };
  if (text[e] != 'e' || e == 0 || !digit(e - 1)) {
    return false;
  }
  last = e + 1;
  if (last < text.size() && text[last] == '-') {
    ++last;
  }
  if (!digit(last)) {
    return false;
  }
  while (digit(last)) {
    ++last;
  }
  return last == text.size() || std::isalpha(static_cast<unsigned char>(text[last])) == 0;
}

}  // namespace

std::string latex_escaped(const std::string& text) {
  std::string result;
  std::size_t i = 0;
  while (i < text.size()) {
    std::size_t last = 0;
    if (exponent_at(text, i, last)) {
      result += fmt::format("$\\cdot10^{{{}}}$", text.substr(i + 1, last - i - 1));
      i = last;
      continue;
    }
    bool replaced = false;
    for (const auto& [from, to] : replacements) {
      if (text.compare(i, from.size(), from) == 0) {
        result += to;
        i += from.size();
        replaced = true;
        break;
      }
    }
    if (!replaced) {
      result += text[i++];
    }
  }
  return result;
}

std::string render_latex(const Table& table) {
  std::string text = fmt::format("% {}\n% Needs \\usepackage{{booktabs,graphicx}}.\n", table.title);
  std::size_t s = 0;
  while (s < table.sections.size()) {
    std::size_t end = s;  // sections of one cell share their tables
    while (end < table.sections.size() && table.sections[end].cell == table.sections[s].cell) {
      ++end;
    }
    for (std::size_t panel = 0; panel < table.panels.size(); ++panel) {
      std::string head = "estimator";
      std::string shape = "l";
      const std::span<const TableSection> sections(table.sections.begin() + static_cast<std::ptrdiff_t>(s), end - s);
      const std::vector<std::size_t> places = columns_of(table, static_cast<int>(panel), sections);
      if (places.empty()) {
        continue;
      }
      for (const std::size_t c : places) {
        const Column& column = table.columns[c];
        shape += "l";
        head += " & " + latex_escaped(column.unit.empty() ? column.title : fmt::format("{} ({})", column.title, column.unit));
      }
      const TableSection& first = table.sections[s];
      std::string caption =
          latex_escaped(fmt::format("{}, {}: {} ({}). ", table.title, first.cell, first.cell_heading, table.panels[panel]));
      if (panel == 0) {
        for (const std::string& note : table.footnotes) {
          caption += latex_escaped(note) + " ";
        }
        caption += latex_escaped(table.caption);
      }
      text += fmt::format(
          "\\begin{{table*}}\n\\caption{{{}}}\n\\resizebox{{\\linewidth}}{{!}}{{%\n\\begin{{tabular}}{{{}}}\n\\toprule\n{} \\\\\n", caption,
          shape, head);
      for (std::size_t k = s; k < end; ++k) {
        text += fmt::format("\\midrule\n\\multicolumn{{{}}}{{l}}{{\\emph{{{}{}}}}} \\\\\n", places.size() + 1, table.place,
                            latex_escaped(table.sections[k].point));
        for (const TableRow& row : table.sections[k].rows) {
          text += latex_escaped(row.label());
          for (const std::size_t c : places) {
            const std::string shown = latex_escaped(format_cell(row.cells[c]));
            text += " & " + (row.cells[c].best ? "\\textbf{" + shown + "}" : shown);
          }
          text += " \\\\\n";
        }
      }
      text += "\\bottomrule\n\\end{tabular}}\n";
      if (panel == 0) {
        for (std::size_t k = s; k < end; ++k) {
          for (std::size_t n = 1; n < table.sections[k].notes.size(); ++n) {
            text += "\n\\smallskip " + latex_escaped(table.sections[k].notes[n]) + "\n";
          }
        }
      }
      text += "\\end{table*}\n\n";
    }
    s = end;
  }
  return text;
}

}  // namespace variscope::experiments
