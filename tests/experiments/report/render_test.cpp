/// Numbers, escapes and the four formats on a small table, against golden texts.
#include "experiments/report/render.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace variscope::experiments {
namespace {

using diagnostics::Estimate;
using diagnostics::Reliability;

Estimate make(double value, double lower, double upper, Reliability reliability = Reliability::reliable) {
  Estimate estimate;
  estimate.value = value;
  estimate.lower = lower;
  estimate.upper = upper;
  estimate.reliability = reliability;
  return estimate;
}

Estimate zero(double floor) {
  Estimate estimate;
  estimate.value = 0;
  estimate.floor = floor;
  estimate.reliability = Reliability::zero;
  return estimate;
}

Table small() {
  Table table;
  table.title = "T & 100 %";
  table.caption = "Caption_1.";
  table.panels = {"variance"};
  table.columns = {{"trace", "tr Var", "", 0}, {"calls", "work", "s", 0}, {"hidden", "hidden", "", -1}};
  TableSection section{"cell_000", "M = 1", "0 %", {}, {"first note", "not run: x (a|b)"}};
  section.rows = {
      {"pw_cfe",
       {{CellKind::estimate, "", make(26.8, 25.9, 27.7), 3},
        {CellKind::number, " grad", make(16, 16, 16), 3},
        {CellKind::words, "h", {}, 3}}},
      {"sf, \"raw\"",
       {{CellKind::words, "biased", {}, 3}, {CellKind::estimate, " ≈", make(1.01, 0.98, 1.04), 3}, {CellKind::words, "h", {}, 3}}}};
  table.sections = {section};
  return table;
}

TEST(Format, ThreeSignificantDigits) {
  EXPECT_EQ(format_number(26.823), "26.8");
  EXPECT_EQ(format_number(9.996), "10.0");
  EXPECT_EQ(format_number(0.0012345), "0.00123");
  EXPECT_EQ(format_number(1.2345e-7), "1.23e-7");
  EXPECT_EQ(format_number(12345.6), "12346");
  EXPECT_EQ(format_number(1.2345e12), "1.23e12");
  EXPECT_EQ(format_number(-4.5), "-4.50");
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(std::numeric_limits<double>::quiet_NaN()), "n/a");
  EXPECT_EQ(format_number(std::numeric_limits<double>::infinity()), "n/a");
}

TEST(Format, IntervalsMarksAndZeros) {
  EXPECT_EQ(format_estimate(make(26.8, 25.9, 27.7)), "26.8 [25.9, 27.7]");
  EXPECT_EQ(format_estimate(make(26.8, 25.9, 27.7, Reliability::heavy_tails)), "26.8 [25.9, 27.7]†");
  EXPECT_EQ(format_estimate(make(26.8, 25.9, 27.7, Reliability::unstable_maximum)), "26.8 [25.9, 27.7]‡");
  EXPECT_EQ(format_estimate(make(26.8, 25.9, 27.7, Reliability::too_few)), "26.8 [25.9, 27.7]§");
  EXPECT_EQ(format_estimate(make(0.99941, 0.99922, 0.99961), 5), "0.9994 [0.9992, 0.9996]");
  EXPECT_EQ(format_estimate(make(0.99941, 0.99922, 0.99961)), "0.999 [0.999, 1.00]");
  EXPECT_EQ(format_estimate(make(1, 1, 1)), "1.00");
  EXPECT_EQ(format_estimate(zero(0)), "0");
  EXPECT_EQ(format_estimate(zero(3e-25)), "0 (<1e-24)");
  EXPECT_EQ(format_estimate({}), "n/a");
}

TEST(Render, Text) {
  const std::string expected =
      "T & 100 %\n=========\n\ncell_000: M = 1\n\nPoint 0 %: first note\n\n  variance\n"
      "  estimator  tr Var             work (s)\n"
      "  --------------------------------------------------\n"
      "  pw_cfe     26.8 [25.9, 27.7]  16 grad\n"
      "  sf, \"raw\"  biased             1.01 [0.980, 1.04] ≈\n"
      "\n  not run: x (a|b)\n\n\nCaption_1.\n";
  EXPECT_EQ(render_text(small()), expected);
}

TEST(Render, MarkdownRowsHaveAsManyColumnsAsTheirHeader) {
  const std::string markdown = render_markdown(small());
  EXPECT_NE(markdown.find("| pw\\_cfe | 26.8 \\[25.9, 27.7\\] | 16 grad |\n"), std::string::npos);
  EXPECT_NE(markdown.find("not run: x (a\\|b)"), std::string::npos);
  std::size_t begin = 0;
  int lines = 0;
  while (begin < markdown.size()) {
    const std::size_t end = markdown.find('\n', begin);
    const std::string line = markdown.substr(begin, end - begin);
    if (!line.empty() && line[0] == '|') {
      int bars = 0;
      for (std::size_t i = 0; i < line.size(); ++i) {
        bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\') ? 1 : 0;
      }
      EXPECT_EQ(bars, 4) << line;
      ++lines;
    }
    begin = end + 1;
  }
  EXPECT_EQ(lines, 4);
}

/// RFC 4180 fields of all lines.
std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> lines = {{""}};
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    std::string& field = lines.back().back();
    if (inside) {
      if (c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
        field += c;
        ++i;
      } else if (c == '"') {
        inside = false;
      } else {
        field += c;
      }
    } else if (c == '"') {
      inside = true;
    } else if (c == ',') {
      lines.back().emplace_back();
    } else if (c == '\n') {
      lines.push_back({""});
    } else {
      field += c;
    }
  }
  lines.pop_back();
  return lines;
}

TEST(Render, CsvReadsBackWithFullPrecision) {
  Table table = small();
  table.sections[0].rows[0].cells[0].estimate = make(0.1 + 0.2, 1.0 / 3, 2.0 / 3, Reliability::heavy_tails);
  const auto lines = parse_csv(render_csv(table));
  ASSERT_EQ(lines.size(), 1 + 2 * 3);
  for (const auto& line : lines) {
    EXPECT_EQ(line.size(), lines[0].size());
  }
  EXPECT_EQ(std::stod(lines[1][6]), 0.1 + 0.2);
  EXPECT_EQ(std::stod(lines[1][7]), 1.0 / 3);
  EXPECT_EQ(lines[1][11], "heavy tails");
  EXPECT_EQ(lines[4][3], "sf, \"raw\"");
  EXPECT_EQ(lines[4][6], "");
  EXPECT_EQ(lines[4][11], "biased");
  EXPECT_EQ(lines[5][11], "not ranked");
}

TEST(Latex, EscapesEverySpecialCharacter) {
  EXPECT_EQ(latex_escaped("a_b & 5 % #1 {x} $ ~ ^ \\"),
            "a\\_b \\& 5 \\% \\#1 \\{x\\} \\$ \\textasciitilde{} \\textasciicircum{} \\textbackslash{}");
  EXPECT_EQ(latex_escaped("|z| < 1 > 0 \"q\""), "\\textbar{}z\\textbar{} \\textless{} 1 \\textgreater{} 0 ''q''");
  EXPECT_EQ(latex_escaped("1.0 ≈†‡§"), "1.0 $\\approx$\\textsuperscript{\\dag}\\textsuperscript{\\ddag}\\textsuperscript{\\S}");
  EXPECT_EQ(latex_escaped("1.2e-7 and 3e12"), "1.2$\\cdot10^{-7}$ and 3$\\cdot10^{12}$");
  EXPECT_EQ(latex_escaped("cell_1e"), "cell\\_1e");
  EXPECT_EQ(latex_escaped("1e5abc"), "1e5abc");
}

TEST(Latex, Golden) {
  const std::string latex = render_latex(small());
  EXPECT_NE(latex.find("\\begin{tabular}{lll}\n\\toprule\nestimator & tr Var & work (s) \\\\\n\\midrule\n"
                       "\\multicolumn{3}{l}{\\emph{Point 0 \\%}} \\\\\n"
                       "pw\\_cfe & 26.8 [25.9, 27.7] & 16 grad \\\\\n"
                       "sf, ''raw'' & biased & 1.01 [0.980, 1.04] $\\approx$ \\\\\n\\bottomrule\n\\end{tabular}}\n"),
            std::string::npos)
      << latex;
}

}  // namespace
}  // namespace variscope::experiments
