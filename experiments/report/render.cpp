/// Write a table as text, Markdown or CSV. (LaTeX: latex.cpp.)
#include "experiments/report/render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace variscope::experiments {

std::vector<std::size_t> columns_of(const Table& table, int panel, std::span<const TableSection> sections) {
  std::vector<std::size_t> places;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    bool held = false;
    for (const TableSection& section : sections) {
      for (const TableRow& row : section.rows) {
        held = held || row.cells[c].kind != CellKind::absent;
      }
    }
    if (table.columns[c].panel == panel && held) {
      places.push_back(c);
    }
  }
  return places;
}

namespace {

std::string title_with_unit(const Column& column) {
  return column.unit.empty() ? column.title : fmt::format("{} ({})", column.title, column.unit);
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::size_t have = display_width(text);
  const std::string space(width > have ? width - have : 0, ' ');
  return right ? space + text : text + space;
}

/// Breaks at spaces so that no line is longer than `width`.
std::string wrapped(const std::string& text, std::size_t width) {
  std::istringstream words(text);
  std::string word;
  std::string line;
  std::string result;
  while (words >> word) {
    if (!line.empty() && display_width(line) + 1 + display_width(word) > width) {
      result += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return result + line + "\n";
}

/// One panel of one section: header line, then a line per estimator. Numbers flush left, so that values line up with titles.
/// Nothing if the panel has no columns here.
std::string text_panel(const Table& table, const TableSection& section, int panel) {
  const std::vector<std::size_t> places = columns_of(table, panel, {&section, 1});
  if (places.empty()) {
    return "";
  }
  std::vector<std::vector<std::string>> lines(section.rows.size() + 1);
  lines[0].emplace_back("estimator");
  for (const std::size_t c : places) {
    lines[0].push_back(title_with_unit(table.columns[c]));
  }
  for (std::size_t r = 0; r < section.rows.size(); ++r) {
    lines[r + 1].push_back(section.rows[r].label());
    for (const std::size_t c : places) {
      const TableCell& cell = section.rows[r].cells[c];
      lines[r + 1].push_back(format_cell(cell) + (cell.best ? " *" : ""));
    }
  }
  std::vector<std::size_t> widths(places.size() + 1, 0);
  for (const auto& line : lines) {
    for (std::size_t k = 0; k < line.size(); ++k) {
      widths[k] = std::max(widths[k], display_width(line[k]));
    }
  }
  std::string text = fmt::format("\n  {}\n", table.panels[static_cast<std::size_t>(panel)]);
  for (std::size_t l = 0; l < lines.size(); ++l) {
    std::string line = " ";
    for (std::size_t k = 0; k < widths.size(); ++k) {
      line += " " + padded(lines[l][k], widths[k], false) + " ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (l == 0) {
      std::size_t total = 0;
      for (const std::size_t width : widths) {
        total += width + 2;
      }
      text += "  " + std::string(total - 2, '-') + "\n";
    }
  }
  return text;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c;
    if (c == '"') {
      quoted += c;
    }
  }
  return quoted + "\"";
}

/// All digits; empty if there is no number.
std::string csv_number(double value) { return std::isfinite(value) ? fmt::format("{:.17g}", value) : ""; }

std::string markdown_field(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '*' || c == '_' || c == '<' || c == '[' || c == ']') {
      escaped += '\\';
    }
    escaped += c;
  }
  return escaped;
}

}  // namespace

std::string render_text(const Table& table) {
  constexpr std::size_t page = 120;
  std::string text = table.title + "\n" + std::string(display_width(table.title), '=') + "\n";
  std::string heading;
  for (const TableSection& section : table.sections) {
    if (section.cell + section.cell_heading != heading) {
      heading = section.cell + section.cell_heading;
      text += fmt::format("\n{}: {}\n", section.cell, section.cell_heading);
    }
    text += fmt::format("\n{}{}", table.place, section.point);
    if (!section.notes.empty()) {
      text += ": " + section.notes.front();
    }
    text += "\n";
    for (std::size_t panel = 0; panel < table.panels.size(); ++panel) {
      text += text_panel(table, section, static_cast<int>(panel));
    }
    for (std::size_t k = 1; k < section.notes.size(); ++k) {
      text += (k == 1 ? "\n  " : "  ") + section.notes[k] + "\n";
    }
  }
  text += "\n";
  for (const std::string& note : table.footnotes) {
    text += wrapped(note, page);
  }
  return text + "\n" + wrapped(table.caption, page);
}

std::string render_markdown(const Table& table) {
  std::string text = fmt::format("# {}\n", markdown_field(table.title));
  std::string heading;
  for (const TableSection& section : table.sections) {
    if (section.cell + section.cell_heading != heading) {
      heading = section.cell + section.cell_heading;
      text += fmt::format("\n## {}: {}\n", markdown_field(section.cell), markdown_field(section.cell_heading));
    }
    text += fmt::format("\n### {}{}\n", table.place, markdown_field(section.point));
    for (std::size_t panel = 0; panel < table.panels.size(); ++panel) {
      const std::vector<std::size_t> places = columns_of(table, static_cast<int>(panel), {&section, 1});
      if (places.empty()) {
        continue;
      }
      text += "\n| estimator |";
      for (const std::size_t c : places) {
        text += " " + markdown_field(title_with_unit(table.columns[c])) + " |";
      }
      text += "\n|---|";
      for (std::size_t k = 0; k < places.size(); ++k) {
        text += "---|";
      }
      text += "\n";
      for (const TableRow& row : section.rows) {
        text += "| " + markdown_field(row.label()) + " |";
        for (const std::size_t c : places) {
          const char* weight = row.cells[c].best ? "**" : "";
          text += " " + std::string(weight) + markdown_field(format_cell(row.cells[c])) + weight + " |";
        }
        text += "\n";
      }
    }
    for (const std::string& note : section.notes) {
      text += "\n" + markdown_field(note) + "\n";
    }
  }
  for (const std::string& note : table.footnotes) {
    text += "\n" + markdown_field(note) + "\n";
  }
  return text + "\n" + markdown_field(table.caption) + "\n";
}

std::string render_csv(const Table& table) {
  bool variants = false;
  for (const TableSection& section : table.sections) {
    for (const TableRow& row : section.rows) {
      variants = variants || !row.variant.empty();
    }
  }
  std::string text =
      fmt::format("cell,settings,point,estimator,{}quantity,unit,value,lower,upper,log_error,floor,flag\n", variants ? "variant," : "");
  for (const TableSection& section : table.sections) {
    for (const TableRow& row : section.rows) {
      for (std::size_t c = 0; c < table.columns.size(); ++c) {
        const TableCell& cell = row.cells[c];
        if (cell.kind == CellKind::absent) {
          continue;
        }
        const auto& e = cell.estimate;
        const bool estimated = cell.kind == CellKind::estimate;
        std::string flag = estimated ? to_text(e.reliability) : cell.text;
        flag.erase(0, flag.find_first_not_of(' '));
        if (estimated && !cell.text.empty()) {
          flag = "not ranked";  // ≈: reliable, but the interval contains 1
        }
        if (cell.best) flag = "best";
        text += fmt::format("{},{},{},{},{}{},{},{},{},{},{},{},{}\n", csv_field(section.cell), csv_field(section.cell_heading),
                            csv_field(section.point), csv_field(row.name), variants ? csv_field(row.variant) + "," : "",
                            csv_field(table.columns[c].key), csv_field(table.columns[c].unit),
                            cell.kind == CellKind::words ? "" : csv_number(e.value), estimated ? csv_number(e.lower) : "",
                            estimated ? csv_number(e.upper) : "", estimated ? csv_number(e.log_error) : "",
                            estimated && e.floor > 0 ? csv_number(e.floor) : "", csv_field(flag));
      }
    }
  }
  return text;
}

}  // namespace variscope::experiments
