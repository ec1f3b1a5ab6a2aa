/// The whole report of a made-up study: files, biased estimators kept out, LaTeX well formed, figure drawn.
#include "experiments/report/report.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/error.hpp"
#include "experiments/report/figure.hpp"
#include "experiments/report/render.hpp"
#include "tests/experiments/report/example.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;

const ReportContext context = {"breast_cancer_variance", "3f9a1c0d", "0.1.0", "pw_cfe"};

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A directory that is gone at the end.
class Report : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("variscope_report_" + std::to_string(::getpid()));
    fs::remove_all(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }
  fs::path directory_;
};

TEST_F(Report, WritesEveryFormatAndTheFigure) {
  const std::string text = write_report(testing::example_study(256, 32), context, directory_.string());
  EXPECT_EQ(text.rfind(read(directory_ / "t1.txt"), 0), 0U);
  for (const char* name : {"t1.txt", "t1.md", "t1.csv", "t1.tex", "variance.csv", "variance.gp"}) {
    EXPECT_GT(read(directory_ / name).size(), 100U) << name;
  }
  EXPECT_NE(text.find("results 3f9a1c0d"), std::string::npos);
  // Where gnuplot is installed there is a picture; where it is not, the text says so.
  const bool drawn = fs::exists(directory_ / "variance.svg");
  EXPECT_NE(drawn, text.find("no figure:") != std::string::npos);
  if (drawn) {
    EXPECT_NE(read(directory_ / "variance.svg").find("</svg>"), std::string::npos);
  }
}

TEST_F(Report, BrokenScriptIsReportedInOneLine) {
  fs::create_directories(directory_);
  std::ofstream(directory_ / "bad.gp") << "plot nonsense with\n";
  const std::string problem = run_gnuplot(directory_.string(), "bad.gp");
  EXPECT_EQ(problem.rfind("no figure: gnuplot", 0), 0U) << problem;
  EXPECT_EQ(problem.find('\n'), std::string::npos);
  EXPECT_FALSE(fs::exists(directory_ / "gnuplot.log"));
}

TEST_F(Report, UnwritableDirectoryIsASystemError) {
  fs::create_directories(directory_);
  std::ofstream(directory_ / "file") << "x";
  EXPECT_THROW(write_report(testing::example_study(256, 32), context, (directory_ / "file" / "below").string()), SystemError);
}

Table example_table(const std::vector<CellRecord>& cells) { return t1(summarise_cells(cells, context), context); }

TEST(T1, NoVarianceOfABiasedEstimatorInAnyFormat) {
  const std::vector<CellRecord> cells = testing::example_study();
  const std::vector<CellSummary> summaries = summarise_cells(cells, context);
  const Table table = t1(summaries, context);
  int biased = 0;
  for (std::size_t s = 0; s < table.sections.size(); ++s) {
    for (const TableRow& row : table.sections[s].rows) {
      ASSERT_EQ(row.cells.size(), table.columns.size());
      if (row.cells[0].text != " biased") {
        continue;
      }
      ++biased;
      EXPECT_EQ(row.name, "sf_wrong");
      for (std::size_t c = 0; c < row.cells.size(); ++c) {
        EXPECT_FALSE(is_estimate(row.cells[c].kind)) << table.columns[c].key;
      }
    }
  }
  EXPECT_GE(biased, 4);
  const Figure figure = variance_figure(summaries, context, "variance.csv", "variance.svg");
  std::istringstream lines(figure.data);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.find("biased") != std::string::npos) {
      EXPECT_NE(line.find(",,,,biased"), std::string::npos) << line;
    }
  }
}

TEST(T1, ExclusionsZerosMarksAndCaptionAreInTheText) {
  const std::string text = render_text(example_table(testing::example_study()));
  for (const char* part : {"not run: rqmc (M = 15 is not a power of two)", "0 (<1e-", "† heavy tails", "16 grad", "16 value",
                           "sf_wrong failed its bias gate", "0.01: Bonferroni over 216", "counts as 2 value passes", "B = 64"}) {
    const std::string flat = [&] {
      std::string joined = text;
      std::replace(joined.begin(), joined.end(), '\n', ' ');
      return joined;
    }();
    EXPECT_NE(flat.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(text.find("nan"), std::string::npos);
  EXPECT_EQ(text.find("inf"), std::string::npos);
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    EXPECT_LE(display_width(line), 152U) << line;
  }
}

TEST(T1, TooFewReplicatesAreMarkedNotHidden) {
  const std::string text = render_text(example_table(testing::example_study(64, 8)));
  EXPECT_NE(text.find("]§"), std::string::npos);
  EXPECT_NE(text.find("§ fewer than 20 batches or 100 replicates"), std::string::npos);
}

TEST(T1, NoCellsNoPointsNoCrash) {
  EXPECT_FALSE(render_text(example_table({})).empty());
  std::vector<CellRecord> cells = testing::example_study(64, 8);
  cells[0].points.clear();
  cells[1].points[0].estimators.clear();
  const std::vector<CellSummary> summaries = summarise_cells(cells, context);
  EXPECT_FALSE(render_latex(t1(summaries, context)).empty());
  EXPECT_FALSE(variance_figure(summaries, context, "a.csv", "a.svg").script.empty());
}

TEST(T1, TheSameRecordsGiveTheSameBytes) {
  const auto once = render_csv(example_table(testing::example_study(256, 32)));
  EXPECT_EQ(once, render_csv(example_table(testing::example_study(256, 32))));
}

/// Braces and environments nest, math shifts pair up, every row of a tabular has its columns, nothing but ASCII is left.
void expect_well_formed(const std::string& latex) {
  int depth = 0;
  std::vector<std::string> open;
  std::istringstream lines(latex);
  std::string line;
  std::size_t columns = 0;
  while (std::getline(lines, line)) {
    if (!line.empty() && line[0] == '%') {
      continue;
    }
    std::size_t dollars = 0;
    std::size_t ampersands = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      ASSERT_LT(static_cast<unsigned char>(line[i]), 128) << line;
      if (line[i] == '\\') {
        ++i;
        continue;
      }
      depth += line[i] == '{' ? 1 : (line[i] == '}' ? -1 : 0);
      dollars += line[i] == '$' ? 1 : 0;
      ampersands += line[i] == '&' ? 1 : 0;
      const bool bare = line[i] == '#' || line[i] == '~' || (dollars % 2 == 0 && (line[i] == '_' || line[i] == '^'));
      ASSERT_FALSE(bare) << line;
      ASSERT_GE(depth, 0) << line;
    }
    EXPECT_EQ(dollars % 2, 0U) << line;
    if (const auto at = line.find("\\begin{"); at != std::string::npos) {
      open.push_back(line.substr(at + 7, line.find('}', at) - at - 7));
      if (open.back() == "tabular") {
        columns = line.size() - line.rfind('{') - 2;
      }
    } else if (const auto end = line.find("\\end{"); end != std::string::npos) {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), line.substr(end + 5, line.find('}', end) - end - 5));
      open.pop_back();
    } else if (line.ends_with("\\\\") && line.rfind("\\multicolumn", 0) != 0) {
      EXPECT_EQ(ampersands + 1, columns) << line;
    }
  }
  EXPECT_EQ(depth, 0);
  EXPECT_TRUE(open.empty());
}

TEST(Latex, WholeReportIsWellFormed) {
  std::vector<CellRecord> cells = testing::example_study(256, 32);
  cells[0].exclusions[0].reason = "a_b & 100 % of {x} ~ y^2 $5 #1 \\z";
  expect_well_formed(render_latex(example_table(cells)));
}

}  // namespace
}  // namespace variscope::experiments
