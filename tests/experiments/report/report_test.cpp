/// The whole report of a made-up study: files, biased estimators kept out, LaTeX well formed, figure drawn.
#include "experiments/report/report.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/error.hpp"
#include "experiments/report/figures.hpp"
#include "experiments/report/gnuplot.hpp"
#include "experiments/report/render.hpp"
#include "experiments/report/t1.hpp"
#include "experiments/report/t1b.hpp"
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
  const std::string t1_text = read(directory_ / "t1.txt");
  EXPECT_EQ(text.rfind(t1_text.substr(0, t1_text.find("results 3f9a1c0d") - 30), 0), 0U);
  for (const char* name : {"t1.txt", "t1.md", "t1.csv", "t1.tex", "variance.csv", "variance.gp", "work.csv", "work.gp"}) {
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
        EXPECT_NE(row.cells[c].kind, CellKind::estimate) << table.columns[c].key;
      }
    }
  }
  EXPECT_GE(biased, 4);
  const Figure figure = variance_figure(summaries, context);
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

TEST(T1, TrainedEstimatorsSayHowMuchAndWhoIsCharged) {
  std::vector<CellRecord> cells = testing::example_study(256, 32);
  EXPECT_EQ(render_text(example_table(cells)).find("trained for"), std::string::npos);
  const auto train = [&](std::size_t c, std::size_t e, Index passes, double share) {
    for (PointRecord& point : cells[c].points) {
      const Index rows = cells[c].batch_rows > 0 ? cells[c].batch_rows : cells[c].rows;
      point.estimators[e].preparation = {.value_evaluations = passes, .value_rows = passes * rows};
      point.estimators[e].preparation_share = share;
    }
  };
  train(0, 4, 2048, 0);
  train(1, 4, 2048, 0);
  train(0, 3, 640, 0);
  train(0, 2, 100, 1);
  train(1, 2, 300, 0.25);
  std::string text = render_text(example_table(cells));
  std::replace(text.begin(), text.end(), '\n', ' ');
  EXPECT_NE(text.find("sf_raw: trained for 2048 evaluations before measuring, anew at each point of each cell, then frozen; none of them "
                      "charged to the calls (share 0), as if learned from the samples of earlier calls; by calls of its own it is never "
                      "paid: ratio x evals is nowhere certainly below 1 even without it."),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("stl: trained for 100 to 300 evaluations before measuring, anew at each point of each cell, then frozen; each call "
                      "is charged with a share 0.250 to 1 of them (in evals) and of their seconds (in s/call)."),
            std::string::npos)
      << text;
  // Between how many calls, by the table's own figures of this cell: k with ratio (evals + 640 values / k) = evals of pw_cfe, 32 values.
  double least = 1e300;
  double most = 0;
  for (const auto& point : summarise_cells(cells, context)[0].points) {
    const double ratio = point.estimators[3].ratio.value;
    const double calls = std::ceil(ratio * 640 / (32 * (1 - ratio)));
    least = std::min(least, calls);
    most = std::max(most, calls);
  }
  const std::string calls = least == most ? fmt::format("{:.0f}", most) : fmt::format("{:.0f} to {:.0f}", least, most);
  EXPECT_NE(text.find("by calls of its own it is paid, ratio x evals with it 1, after " + calls + " calls."), std::string::npos) << text;
}

TEST(T1, SnapshotsSayHowOldTheyAre) {
  std::vector<CellRecord> cells = testing::example_study(64, 8);
  EXPECT_EQ(render_text(example_table(cells)).find("snapshot"), std::string::npos);
  for (std::size_t i = 0; i < cells[0].points.size(); ++i) {
    PointRecord& point = cells[0].points[i];
    point.estimators[1].name = "svrg";
    point.estimators[2].name = "joint_cv";
    point.snapshot = point.lambda;
    point.snapshot[0] += 3;
    point.snapshot[4] -= 4;
  }
  const auto notes_at = [&](std::size_t i) {
    const TableSection section = example_table(cells).sections.at(i);
    return section.notes.size() < 2 ? std::string() : section.notes[1];
  };
  EXPECT_EQ(notes_at(1).rfind("svrg, joint_cv: snapshot of unknown age, |lambda - snapshot| = 5", 0), 0U) << notes_at(1);
  cells[0].settings.emplace_back("path.steps", "30");
  cells[0].settings.emplace_back("path.snapshot_age", "20");
  EXPECT_EQ(notes_at(0).rfind("svrg, joint_cv: snapshot 0 steps old, ", 0), 0U) << notes_at(0);
  EXPECT_EQ(notes_at(1).rfind("svrg, joint_cv: snapshot 15 steps old, ", 0), 0U) << notes_at(1);
  EXPECT_EQ(notes_at(2).rfind("svrg, joint_cv: snapshot of the path's last step, ", 0), 0U) << notes_at(2);
  cells[0].settings[cells[0].settings.size() - 2].second = "100";
  EXPECT_EQ(notes_at(1).rfind("svrg, joint_cv: snapshot 20 steps old, ", 0), 0U) << notes_at(1);
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
  EXPECT_FALSE(variance_figure(summaries, context).script.empty());
}

/// Blocks of a second family: the first of the example's two and one of its own.
void make_full_rank(CellRecord& cell) {
  cell.family = "full_rank_gaussian";
  cell.blocks = {{"mean", {0, 3}}, {"off_diagonal", {3, 6}}};
}

TEST(T1, ColumnsOfFamiliesWithDifferentBlocksStayAligned) {
  std::vector<CellRecord> cells = testing::example_study(256, 32);
  make_full_rank(cells[1]);
  const Table table = example_table(cells);
  std::size_t off_diagonal = table.columns.size();
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    off_diagonal = table.columns[c].key == "trace_off_diagonal" ? c : off_diagonal;
  }
  ASSERT_LT(off_diagonal, table.columns.size());
  for (const TableSection& section : table.sections) {
    for (const TableRow& row : section.rows) {
      ASSERT_EQ(row.cells.size(), table.columns.size());
      EXPECT_EQ(row.cells[off_diagonal].kind == CellKind::absent, section.cell == "cell_000") << row.name;
    }
  }
  const std::string text = render_text(table);
  const std::size_t second = text.find("cell_001: ");
  EXPECT_EQ(text.substr(0, second).find("off diagonal"), std::string::npos);
  EXPECT_EQ(text.substr(second).find("tr Var log scale"), std::string::npos);
  EXPECT_NE(text.substr(second).find("tr Var off diagonal"), std::string::npos);
  EXPECT_EQ(render_csv(table).find("cell_000,\"full"), std::string::npos);
}

std::vector<CellRecord> renamed(const std::string& from, const std::string& to) {
  std::vector<CellRecord> cells = testing::example_study(256, 32);
  for (CellRecord& cell : cells) {
    for (PointRecord& point : cell.points) {
      for (EstimatorRecord& e : point.estimators) {
        e.name = e.name == from ? to : e.name;
      }
    }
  }
  return cells;
}

TEST(T1, AnotherBaselineIsNamedAndTheCaptionDoesNotClaimTheUsualOne) {
  const std::string text = render_text(example_table(renamed("pw_cfe", "sf_loo")));
  EXPECT_NE(text.find("compared with sf_loo: pw_cfe was not run"), std::string::npos);
  EXPECT_NE(text.find("total trace over that of sf_loo"), std::string::npos);
  EXPECT_EQ(text.find("that of pw_cfe"), std::string::npos);
}

TEST(T1b, DeclaredBiasedEstimatorsShareNoColumnWithVariances) {
  const std::vector<CellRecord> cells = renamed("sf_wrong", "sf_rb_same");
  const std::vector<CellSummary> summaries = summarise_cells(cells, context);
  const Table variances = t1(summaries, context);
  for (const TableSection& section : variances.sections) {
    for (const TableRow& row : section.rows) {
      EXPECT_NE(row.name, "sf_rb_same");
    }
  }
  const std::string text = render_text(variances);
  EXPECT_NE(text.find("declared biased, see T1b: sf_rb_same"), std::string::npos);
  EXPECT_EQ(text.find("failed its bias gate"), std::string::npos);
  const Table errors = t1b(summaries, context);
  ASSERT_EQ(errors.sections.size(), 6U);
  for (const TableSection& section : errors.sections) {
    ASSERT_EQ(section.rows.size(), 1U);
    EXPECT_EQ(section.rows[0].name, "sf_rb_same");
    const auto& error = section.rows[0].cells[0].estimate;
    const auto& bias = section.rows[0].cells[1].estimate;
    const auto& variance = section.rows[0].cells[2].estimate;
    EXPECT_NEAR(error.value, bias.value + variance.value, 1e-9 * error.value);
    // Of the first coordinate, 8: within the 99.9 % reach of a normal.
    EXPECT_NEAR(bias.value, 64.0, 3.3 * bias.error);
  }
  // The baseline of cells without pw_cfe is never one of them.
  EXPECT_TRUE(t1b(summarise_cells(testing::example_study(256, 32), context), context).sections.empty());
}

TEST(T1i, ImportanceBoundsStandApart) {
  std::vector<CellRecord> cells = renamed("pw_cfe", "iwae");
  cells[0] = testing::example_study(256, 32)[0];
  cells[1].objective = "importance_bound";
  const std::vector<CellSummary> summaries = summarise_cells(cells, context);
  for (const TableSection& section : t1(summaries, context).sections) {
    EXPECT_EQ(section.cell, "cell_000");
  }
  const Table bounds = t1i(summaries, context);
  ASSERT_EQ(bounds.sections.size(), 3U);
  EXPECT_EQ(bounds.columns.front().key, "signal_to_noise");
  const std::string text = render_text(bounds);
  EXPECT_NE(text.find("compared with iwae"), std::string::npos);
  EXPECT_EQ(text.find("pw_cfe"), std::string::npos);
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
