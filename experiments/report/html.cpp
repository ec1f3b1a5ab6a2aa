/// The whole report as one HTML page that needs nothing else.
#include "experiments/report/html.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <regex>

#include "experiments/report/page/parts.hpp"
#include "experiments/report/render.hpp"
#include "experiments/report/warnings.hpp"

namespace variscope::experiments {

namespace {

/// RFC 4648.
std::string base64(const std::string& bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = (group << 8U) | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += i + k <= bytes.size() ? digits[(group >> (18U - 6U * k)) & 63U] : '=';
  }
  return text;
}

std::string download(const std::string& file, const std::string& type, const std::string& content, const std::string& words) {
  return fmt::format("<a download=\"{}\" href=\"data:{};charset=utf-8;base64,{}\">{}</a>", html_escaped(file), type, base64(content),
                     words);
}

std::string paragraph(const std::string& text, const std::string& style = "") {
  if (text.empty()) return "";
  return fmt::format("<p{}>{}</p>\n", style.empty() ? "" : fmt::format(" class=\"{}\"", style), html_escaped(text));
}

/// Value in ink, interval smaller behind it; data-value is what sorting reads.
std::string entry(const TableCell& cell) {
  const std::string text = format_cell(cell);
  const double value = cell.estimate.value;
  const bool sorts = (cell.kind == CellKind::number || cell.kind == CellKind::estimate) && std::isfinite(value);
  const std::size_t bracket = cell.kind == CellKind::estimate ? text.find(" [") : std::string::npos;
  std::string shown = html_escaped(text.substr(0, bracket));
  if (cell.best) shown = "<strong>" + shown + "</strong>";
  if (bracket != std::string::npos) shown += fmt::format(" <span class=\"interval\">{}</span>", html_escaped(text.substr(bracket + 1)));
  if (sorts) return fmt::format("<td data-value=\"{:.17g}\">{}</td>", value, shown);
  return fmt::format("<td>{}</td>", shown);
}

std::string panel_of(const Table& table, const TableSection& section, int panel) {
  const std::vector<std::size_t> places = columns_of(table, panel, {&section, 1});
  if (places.empty()) return "";
  const std::string heading = table.panels[static_cast<std::size_t>(panel)];
  std::string text = fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\"><table "
      "class=\"sortable\"><caption>{0}</caption>\n<thead><tr>",
      html_escaped(heading));
  const auto head = [&](const std::string& title) {
    text += fmt::format("<th scope=\"col\" aria-sort=\"none\"><button type=\"button\">{}</button></th>", html_escaped(title));
  };
  head(table.place == "Point " ? "estimator" : "name");
  for (const std::size_t c : places) {
    const Column& column = table.columns[c];
    head(column.unit.empty() ? column.title : fmt::format("{} ({})", column.title, column.unit));
  }
  text += "</tr></thead>\n<tbody>\n";
  for (const TableRow& row : section.rows) {
    text += fmt::format("<tr><th scope=\"row\">{}</th>", html_escaped(row.label()));
    for (const std::size_t c : places) text += entry(row.cells[c]);
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

std::string sections_of(const Table& table) {
  std::string text;
  std::string heading;
  for (const TableSection& section : table.sections) {
    if (section.cell + section.cell_heading != heading) {
      heading = section.cell + section.cell_heading;
      text += fmt::format("<h3>{}</h3>\n", html_escaped(fmt::format("{}: {}", section.cell, section.cell_heading)));
    }
    text += fmt::format("<h4>{}</h4>\n", html_escaped(table.place + section.point));
    if (!section.notes.empty()) text += paragraph(section.notes.front(), "notes");
    for (std::size_t panel = 0; panel < table.panels.size(); ++panel) text += panel_of(table, section, static_cast<int>(panel));
    for (std::size_t k = 1; k < section.notes.size(); ++k) text += paragraph(section.notes[k], "notes");
  }
  return text;
}

std::string table_of(const NamedTable& named) {
  const Table& table = named.table;
  std::string text = fmt::format("<section id=\"{}\"><h2>{}</h2>\n", named.name, html_escaped(table.title));
  text += fmt::format("<p class=\"downloads\">{} {}</p>\n", download(named.name + ".csv", "text/csv", render_csv(table), "CSV, all digits"),
                      download(named.name + ".tex", "application/x-tex", render_latex(table), "LaTeX (booktabs)"));
  if (named.details) {
    const Table brief = shortened(table, "the whole table below");
    text += sections_of(brief);
    for (const std::string& note : brief.footnotes) text += paragraph(note, "notes");
    text += fmt::format("<details><summary>The whole table</summary>\n{}</details>\n", sections_of(table));
  } else {
    text += sections_of(table);
  }
  for (const std::string& note : table.footnotes) text += paragraph(note, "notes");
  return text + paragraph(table.caption, "notes") + "</section>\n";
}

/// Width and height of a drawing, so that the page keeps its place free: width="1440" height="480".
std::string size_of(const std::string& svg) {
  static const std::regex box("viewBox=\"0 0 ([0-9.]+) ([0-9.]+)\"");
  std::smatch found;
  const std::string head = svg.substr(0, 600);
  return std::regex_search(head, found, box) ? fmt::format(" width=\"{}\" height=\"{}\"", found[1].str(), found[2].str()) : "";
}

std::string picture_of(const PagePicture& picture) {
  return fmt::format(
      "<figure id=\"figure_{0}\"><img alt=\"{1}\"{2} src=\"data:image/svg+xml;base64,{3}\">\n<figcaption>{1} {4} "
      "{5}</figcaption></figure>\n",
      picture.name, html_escaped(picture.title), size_of(picture.svg), base64(picture.svg),
      download(picture.name + ".csv", "text/csv", picture.data, "data (CSV)"),
      download(picture.name + ".svg", "image/svg+xml", picture.svg, "SVG"));
}

std::string warnings_of(const std::vector<std::string>& warnings) {
  if (warnings.empty()) return "<p class=\"clear\">No warnings: gates, chains and fits have passed what they are held to.</p>\n";
  std::string text = "<section class=\"warnings\" aria-labelledby=\"warnings\"><h2 id=\"warnings\">Read first</h2>\n<ul>\n";
  for (const std::string& warning : warnings) text += fmt::format("<li>{}</li>\n", html_escaped(warning));
  return text + "</ul></section>\n";
}

/// Spec and provenance; the former has a place of its own.
std::string origin_of(const ReportContext& context) {
  if (context.provenance.empty()) return "";
  std::string text = "<section id=\"origin\"><h2>Settings and provenance</h2>\n";
  const auto spec = context.provenance.find("spec_text");
  if (spec != context.provenance.end()) {
    text += fmt::format("<details open><summary>The spec</summary>\n<p class=\"downloads\">{}</p><pre>{}</pre></details>\n",
                        download(context.study + ".toml", "application/toml", spec->second, "download"), html_escaped(spec->second));
  }
  text += "<details><summary>Where, when and with what it ran</summary>\n<dl>\n";
  for (const auto& [key, value] : context.provenance) {
    if (key == "spec_text") continue;
    std::string name = key;
    for (char& c : name) c = c == '_' ? ' ' : c;
    text += fmt::format("<dt>{}</dt><dd>{}</dd>\n", html_escaped(name), html_escaped(value));
  }
  return text + "</dl></details></section>\n";
}

std::string contents_of(const std::vector<NamedTable>& tables, bool pictures, bool origin) {
  std::string text = "<nav aria-label=\"Contents\"><ul>";
  for (const NamedTable& named : tables)
    text += fmt::format("<li><a href=\"#{}\">{}</a></li>", named.name, html_escaped(named.table.title));
  if (pictures) text += "<li><a href=\"#pictures\">Pictures</a></li>";
  if (origin) text += "<li><a href=\"#origin\">Settings and provenance</a></li>";
  return text + "</ul></nav>\n";
}

}  // namespace

std::string html_escaped(const std::string& text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        // Control characters have no place in a page; a spec's tabs and line ends have.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') escaped += c;
    }
  }
  return escaped;
}

std::string render_page(const std::vector<NamedTable>& tables, const std::vector<PagePicture>& pictures, const ReportContext& context) {
  const std::string title = html_escaped(context.study.empty() ? "variscope report" : context.study);
  std::string text = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"generator\" content=\"variscope\">\n"
      "<title>{0}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{1}</style>\n</head>\n<body>\n"
      "<a class=\"skip\" href=\"#main\">Skip to the tables</a>\n<header>\n<h1>{0}</h1>\n",
      title, page::style);
  const auto description = context.provenance.find("description");
  if (description != context.provenance.end()) text += paragraph(description->second);
  text += fmt::format("<p class=\"quiet\">variscope {}</p>\n<p class=\"hash\">results {}</p>\n", html_escaped(context.program_version),
                      html_escaped(context.results_hash));
  text += contents_of(tables, !pictures.empty(), !context.provenance.empty()) + "</header>\n<main id=\"main\">\n";
  text += warnings_of(report_warnings(tables, context));
  if (!context.excluded.empty()) {
    text += fmt::format("<details><summary>{} cells of the sweep were excluded</summary><ul>", context.excluded.size());
    for (const std::string& line : context.excluded) text += fmt::format("<li>{}</li>", html_escaped(line));
    text += "</ul></details>\n";
  }
  for (const NamedTable& named : tables) text += table_of(named);
  if (!pictures.empty()) {
    text += "<section id=\"pictures\"><h2>Pictures</h2>\n";
    for (const PagePicture& picture : pictures) text += picture_of(picture);
    text += "</section>\n";
  }
  text += origin_of(context) +
          "</main>\n<footer class=\"quiet\">Made by variscope from run.h5 alone; `variscope report` makes it again.</footer>\n";
  return text + fmt::format("<script>\n{}</script>\n</body>\n</html>\n", page::script);
}

}  // namespace variscope::experiments
