/// Table T2 on invented components: panels, negative estimates, what is not to be had, checks, CSV.
#include "experiments/report/t2.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "experiments/report/render.hpp"
#include "tests/experiments/report/printed.hpp"

namespace variscope::experiments {
namespace {

using diagnostics::Agreement;
using diagnostics::BlockComponents;
using diagnostics::Check;
using diagnostics::ComponentSummary;
using diagnostics::Estimate;
using diagnostics::NoisePolicy;
using diagnostics::Reliability;
using diagnostics::RowPolicy;

Estimate make(double value, double lower, double upper, Reliability reliability = Reliability::reliable) {
  Estimate e;
  e.value = value;
  e.lower = lower;
  e.upper = upper;
  e.reliability = reliability;
  return e;
}

BlockComponents block(const std::string& name, double size) {
  BlockComponents b;
  b.name = name;
  b.estimates = {make(21 * size, 19 * size, 23 * size), make(400 * size, 390 * size, 410 * size),
                 make(-0.3 * size, -1.2 * size, 0.6 * size)};
  b.shares = {make(0.05, 0.04, 0.06), make(0.951, 0.94, 0.96), make(-0.001, -0.004, 0.002)};
  b.variance = make(55 * size, 50 * size, 60 * size);
  return b;
}

ComponentSummary estimator(const std::string& name) {
  ComponentSummary e;
  e.estimator = name;
  e.setting = {569, 16, 64, 1};
  e.blocks = {block("mean", 1), block("log_scale", 0.1)};
  e.total = block("total", 1.1);
  e.best = {2, 512, 3.5};
  e.best_variance = make(3.5, 3, 4);
  e.best_ratio = make(0.064, 0.06, 0.07);
  return e;
}

std::vector<ComponentPoint> study() {
  ComponentPoint point{
      "cell_000", "logistic, N = 569", "optimum", {estimator("pw_cfe"), estimator("stl"), estimator("rloo")}, {"not run: rqmc (no)"}};
  // All rows: Monte Carlo noise alone.
  ComponentSummary& all_rows = point.estimators[1];
  all_rows.setting.batch_rows = 0;
  for (BlockComponents* b : {all_rows.blocks.data(), &all_rows.blocks[1], &all_rows.total}) {
    b->estimates.data = b->estimates.interaction = b->shares.data = b->shares.interaction = {};
  }
  all_rows.best_variance = all_rows.best_ratio = {};
  ComponentSummary& sets = point.estimators[2];
  sets.set_size = 16;
  sets.setting.samples = 1;
  sets.best.samples = 3;
  Check check;
  check.setting = {569, 4, 256, 1};
  check.comparison = {make(5, 4.8, 5.2), make(5.1, 4.9, 5.3), 0.71, 80, 3.4, Agreement::agrees};
  point.estimators[0].checks.push_back(check);
  check.setting.replicas = 8;
  check.policy = {NoisePolicy::shared, RowPolicy::disjoint};
  check.comparison = {make(0.6, 0.55, 0.65), make(1.4, 1.3, 1.5), 12.3, 80, 3.4, Agreement::above};
  point.estimators[0].checks.push_back(check);
  return {point};
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const ReportContext context{"breast cancer", "abc", "0.1.0"};

TEST(T2, EveryRowHasAsManyCellsAsThereAreColumns) {
  const Table table = t2(study(), context);
  ASSERT_EQ(table.sections.size(), 1);
  for (const TableRow& row : table.sections[0].rows) {
    EXPECT_EQ(row.cells.size(), table.columns.size());
  }
  EXPECT_EQ(table.panels.size(), 4);  // two blocks, all parameters, best split
}

TEST(T2, TextShowsNegativeComponentsAndWhatIsNotToBeHad) {
  const std::string text = render_text(t2(study(), context));
  EXPECT_TRUE(contains(text, "21.0 [19.0, 23.0]  400 [390, 410]  -0.300 [-1.20, 0.600]")) << text;
  EXPECT_TRUE(contains(text, "log scale\n"));
  EXPECT_TRUE(contains(text, "n/a under s2_d and s2_ed"));
  EXPECT_TRUE(contains(text, "dependent samples"));
  EXPECT_TRUE(contains(text, "not run: rqmc"));
  EXPECT_TRUE(contains(text, "possibly negative"));
  // Shares in per cent, without intervals.
  EXPECT_TRUE(contains(text, "5.00"));
  EXPECT_TRUE(contains(text, "-0.100"));
}

TEST(T2, BestSplitCountsSamplesOfSets) {
  const std::string csv = render_csv(t2(study(), context));
  EXPECT_TRUE(contains(csv, "optimum,pw_cfe,best_samples,,2,"));
  EXPECT_TRUE(contains(csv, "optimum,pw_cfe,budget,,1024,"));
  EXPECT_TRUE(contains(csv, "optimum,rloo,best_samples,,48,"));
  EXPECT_TRUE(contains(csv, "optimum,rloo,samples,,16,"));
  EXPECT_TRUE(contains(csv, "optimum,stl,budget,,9104,"));
  EXPECT_TRUE(contains(csv, "optimum,stl,best_samples,,,,,,,n/a"));
  EXPECT_TRUE(contains(csv, "optimum,pw_cfe,interaction_mean,,-0.29999999999999999,-1.2,0.59999999999999998,"));
  EXPECT_TRUE(contains(csv, "optimum,pw_cfe,share_interaction_mean,%,-0.1"));
  EXPECT_FALSE(contains(csv, "variant"));
}

TEST(T2, OneNameForOneColumn) {
  const Table table = t2(study(), context);
  for (const Column& column : table.columns) {
    const auto same = [&](const Column& other) { return other.key == column.key; };
    EXPECT_EQ(std::count_if(table.columns.begin(), table.columns.end(), same), 1) << column.key;
  }
}

TEST(T2, ChecksHaveARowPerSetting) {
  const Table table = t2_checks(study(), context);
  const std::string text = render_text(table);
  EXPECT_TRUE(contains(text, "pw_cfe, M = 4, B = 256 ")) << text;
  EXPECT_TRUE(contains(text, "pw_cfe, M = 4, B = 256, R = 8, noise shared, rows disjoint"));
  EXPECT_TRUE(contains(text, "above"));
  const std::string csv = render_csv(table);
  EXPECT_TRUE(contains(csv, "cell,settings,point,estimator,variant,quantity,"));
  EXPECT_TRUE(contains(csv, "optimum,pw_cfe,\"M = 4, B = 256\",z,,0.7"));
  EXPECT_TRUE(contains(render_markdown(table), "| pw\\_cfe, M = 4, B = 256 |"));
  EXPECT_TRUE(contains(render_latex(table), "pw\\_cfe, M = 4, B = 256 &"));
  std::vector<ComponentPoint> none = study();
  none[0].estimators[0].checks.clear();
  EXPECT_TRUE(t2_checks(none, context).sections.empty());
}

TEST(T2, ASmallCaseByHand) {
  // Every design is x_kl = 10 + (+-3)_l + (+-2)_k + (+-1)_kl, twice as much in the second parameter. Mean squares: 2 (9 + 9) = 36 between
  // sample sets, 2 (4 + 4) = 16 between minibatches, 4 of the rest; so t_e = (36 - 4) / 2 = 16, t_d = (16 - 4) / 2 = 6, t_ed = 4.
  // M = 2, B = 3, N = 9, f = 6 / 8: s2_e = 2 16 = 32, s2_d = 3 6 / f = 24, s2_ed = 6 4 / f = 32; one call has 16 + 6 + 4 = 26. Second
  // parameter: four times that.
  constexpr Index batches = 32;
  const std::vector<Block> blocks = {{"mean", {0, 1}}, {"log_scale", {1, 2}}};
  ComponentMoments moments;
  moments.resize(batches, 2, 2, 2, 2);
  std::vector<double> gradients;
  for (const double k : {-1.0, 1.0}) {
    for (const double l : {-1.0, 1.0}) {
      const double x = 10 + 3 * l + 2 * k + k * l;
      gradients.insert(gradients.end(), {x, 2 * x});
    }
  }
  for (Index b = 0; b < batches; ++b) diagnostics::add_design(moments, b, blocks, gradients);
  const diagnostics::Setting setting{9, 2, 3, 1};
  const std::vector<double> floor(2, 0.0);
  const ComponentSummary e = diagnostics::summarise("pw_cfe", moments, blocks, setting, RowPolicy::without_replacement, floor);
  const std::string text = render_text(t2({{"cell_000", "by hand", "0 %", {e}, {}}}, context));
  using Cells = std::vector<std::string>;
  const auto row = [&](const std::string& panel) { return testing::printed_row(text, panel, "pw_cfe"); };
  EXPECT_EQ(row("mean"), (Cells{"pw_cfe", "32.0", "24.0", "32.0", "61.5", "23.1", "15.4"})) << text;
  EXPECT_EQ(row("log scale"), (Cells{"pw_cfe", "128", "96.0", "128", "61.5", "23.1", "15.4"})) << text;
  EXPECT_EQ(row("all parameters"), (Cells{"pw_cfe", "160", "120", "160", "61.5", "23.1", "15.4"})) << text;
  // Of M B <= 6: (1, 6) 35.5, (2, 3) 26, (3, 2) 32/3 + 24 7/16 + 32 7/48 = 25.833, (6, 1) 34.7; five times that for both parameters.
  EXPECT_EQ(row("best split of the same row evaluations between samples and rows"),
            (Cells{"pw_cfe", "2", "3", "6", "130", "3", "2", "129", "0.994"}))
      << text;
}

TEST(T2, NothingMeasured) {
  EXPECT_NO_THROW((void)render_text(t2({}, context)));
  EXPECT_TRUE(contains(render_text(t2({{"cell_000", "h", "0 %", {}}}, context)), "no components"));
}

}  // namespace
}  // namespace variscope::experiments
