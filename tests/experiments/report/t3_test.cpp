/// Table T3 on invented scalings: rows per policy, verdicts, limits, what is unknown.
#include "experiments/report/t3.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "experiments/report/render.hpp"
#include "tests/experiments/report/printed.hpp"

namespace variscope::experiments {
namespace {

using diagnostics::Agreement;
using diagnostics::Estimate;
using diagnostics::NoisePolicy;
using diagnostics::Reliability;
using diagnostics::RowPolicy;
using diagnostics::ScalingPoint;
using diagnostics::ScalingSummary;

Estimate make(double value, double lower, double upper, Reliability reliability = Reliability::reliable) {
  Estimate e;
  e.value = value;
  e.lower = lower;
  e.upper = upper;
  e.reliability = reliability;
  return e;
}

ScalingPoint line(Index replicas, NoisePolicy noise, RowPolicy rows) {
  ScalingPoint p;
  p.check.setting = {569, 16, 64, replicas};
  p.check.policy = {noise, rows};
  p.check.comparison = {make(1.2, 1.1, 1.3), make(1.25, 1.2, 1.3), 0.8, 90, 3.6, Agreement::agrees};
  p.ratio = make(0.9, 0.85, 0.95);
  p.seconds = 0.002;
  p.noise_scale = make(12.5, 12, 13);
  p.efficiency = make(1.1, 1.0, 1.2);
  p.step_progress = 0.75;
  p.useful = 27;
  p.useful_floor = 8;
  return p;
}

std::vector<ScalingSection> study() {
  ScalingSummary s{"pw_cfe", 4.0, 0.5, {}};
  s.points = {line(1, NoisePolicy::independent, RowPolicy::without_replacement), line(8, NoisePolicy::independent, RowPolicy::disjoint),
              line(8, NoisePolicy::shared, RowPolicy::disjoint), line(8, NoisePolicy::split_net, RowPolicy::disjoint),
              line(8, NoisePolicy::independent, RowPolicy::with_replacement)};
  s.points[2].check.comparison.agreement = Agreement::above;
  s.points[2].check.comparison.z = 9.5;
  ScalingPoint& net = s.points[3];
  net.check.comparison.predicted = {};
  net.check.comparison.z = std::nan("");
  net.check.comparison.agreement = Agreement::undecided;
  net.useful = net.useful_floor = std::nullopt;
  net.seconds = 0;
  net.efficiency = {};
  s.points[4].useful = std::nullopt;
  s.points[4].check.comparison.measured.reliability = Reliability::heavy_tails;
  return {{"cell_000", "logistic, N = 569", "optimum", {s}, {"not run: rqmc (R does not divide M)"}}};
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const ReportContext context{"breast cancer", "abc", "0.1.0"};

TEST(T3, TextNamesEveryPolicy) {
  const Table table = t3(study(), context);
  for (const TableRow& row : table.sections.at(0).rows) {
    EXPECT_EQ(row.cells.size(), table.columns.size());
  }
  const std::string text = render_text(table);
  EXPECT_TRUE(contains(text, "Point optimum: |G| = 2.00\n")) << text;
  EXPECT_TRUE(contains(text, "pw_cfe, R = 1, noise independent, rows without replacement"));
  EXPECT_TRUE(contains(text, "pw_cfe, R = 8, noise shared, rows disjoint"));
  EXPECT_TRUE(contains(text, "9.50 above"));
  EXPECT_TRUE(contains(text, "no limit"));
  EXPECT_TRUE(contains(text, "1.25 [1.20, 1.30]†"));
  EXPECT_TRUE(contains(text, "† heavy tails"));
  EXPECT_TRUE(contains(text, "not run: rqmc"));
}

constexpr Index hand_batches = 32;

diagnostics::LeaveOneOut known(double value) { return {value, std::vector<double>(hand_batches, value)}; }

/// N = 9, M = 2, B = 3, s2_e = 32, s2_d = 24, s2_ed = 32, all exactly known, 16 replicates in each batch.
Table by_hand(double norm_square, double seconds) {
  diagnostics::ComponentStatistics components;
  components.monte_carlo = known(32);
  components.data = known(24);
  components.interaction = known(32);
  components.count.assign(hand_batches, 16.0);
  const auto measured = [&](Index replicas, NoisePolicy noise, double variance, double of_one) {
    const diagnostics::Policy policy{noise, RowPolicy::disjoint};
    return diagnostics::MeasuredScaling{
        {9, 2, 3, replicas}, policy, known(variance), std::vector<double>(hand_batches, 16.0), of_one * seconds};
  };
  // fpc(3) = 6 / 8, fpc(6) = 3 / 8. R = 1: 32/2 + 24/4 + 32/8 = 26. R = 2: 32/4 + 24/16 + 32/16 = 11.5, with shared noise
  // 32/2 + 24/16 + 32/32 = 18.5.
  const ScalingSummary s = diagnostics::scaling("pw_cfe",
                                                {measured(1, NoisePolicy::independent, 26, 2),
                                                 measured(2, NoisePolicy::independent, 11.5, 5), measured(2, NoisePolicy::shared, 18.5, 4)},
                                                &components, norm_square, 1);
  return t3({{"cell_000", "by hand", "0 %", {s}, {}, {}}}, context);
}

using Cells = std::vector<std::string>;

/// The numbers of one row. Words behind z ("undecided") do not matter here.
Cells printed(const std::string& text, const std::string& panel, const std::string& variant) {
  Cells cells = testing::printed_row(text, panel, "pw_cfe, " + variant);
  if (!cells.empty()) cells.erase(cells.begin());
  for (std::string& cell : cells) cell = cell.substr(0, cell.find(" undecided"));
  return cells;
}

TEST(T3, ASmallCaseByHand) {
  const std::string text = render_text(by_hand(4, 1e-3));
  const std::string variance = "variance of the mean over R replicas";
  const std::string work = "what a replica pays";
  EXPECT_TRUE(contains(text, "Point 0 %: |G| = 2.00\n")) << text;
  // tr Var, R Var_R / Var_1, predicted, z.
  EXPECT_EQ(printed(text, variance, "R = 1, noise independent"), (Cells{"26.0", "1.00", "26.0", "0"})) << text;
  EXPECT_EQ(printed(text, variance, "R = 2, noise independent"), (Cells{"11.5", "0.88462", "11.5", "0"})) << text;
  EXPECT_EQ(printed(text, variance, "R = 2, noise shared"), (Cells{"18.5", "1.4231", "18.5", "0"})) << text;
  // Seconds; Var_1 s_1 / (Var_R s_R) = 26 2 / (11.5 5), 26 2 / (18.5 4); Var / 4; 30 / (R (4 + Var)). Three replicas of three rows use
  // all nine: with noise of their own 30 / (3 (4 + 6.67)) = 0.94, with shared noise 30 / (3 (4 + 16)) = 0.5.
  EXPECT_EQ(printed(text, work, "R = 1, noise independent"), (Cells{"0.00200", "1.00", "6.50", "1", "3"})) << text;
  EXPECT_EQ(printed(text, work, "R = 2, noise independent"), (Cells{"0.00500", "0.904", "2.88", "0.968", "3"})) << text;
  EXPECT_EQ(printed(text, work, "R = 2, noise shared"), (Cells{"0.00400", "0.703", "4.62", "0.667", "3"})) << text;
}

TEST(T3, NoEfficiencyOfCallsTooShortToTimeAndNoScaleWithoutASignal) {
  // 512 calls of 2 times 1e-5 s are 10 ms, of 5 times that 26 ms.
  const std::string text = render_text(by_hand(0, 1e-5));
  const std::string work = "what a replica pays";
  EXPECT_TRUE(contains(text, "Point 0 %: |G| not told apart from zero\n")) << text;
  EXPECT_EQ(printed(text, work, "R = 1, noise independent"), (Cells{"2.00e-5 ~", "-", "-", "1", "-"})) << text;
  EXPECT_EQ(printed(text, work, "R = 2, noise independent"), (Cells{"5.00e-5 ~", "-", "-", "1.13", "-"})) << text;
  EXPECT_TRUE(contains(text, "took less than 50 ms"));
  EXPECT_TRUE(contains(text, "the gradient is not told apart from zero"));
}

TEST(T3, CsvTellsRowsApart) {
  const std::string csv = render_csv(t3(study(), context));
  EXPECT_TRUE(contains(csv, "pw_cfe,\"R = 8, noise shared, rows disjoint\",replicas,,8,"));
  EXPECT_TRUE(contains(csv, "pw_cfe,\"R = 8, noise shared, rows disjoint\",useful_floor,,8,"));
  EXPECT_TRUE(contains(csv, "pw_cfe,\"R = 8, noise shared, rows disjoint\",noise_policy,,,,,,,shared"));
  EXPECT_TRUE(contains(csv, "pw_cfe,\"R = 8, noise split net, rows disjoint\",predicted,,,,,,,undefined"));
  EXPECT_TRUE(contains(csv, "pw_cfe,\"R = 8, noise split net, rows disjoint\",useful,,,,,,,n/a"));
}

TEST(T3, OtherFormats) {
  const Table table = t3(study(), context);
  EXPECT_TRUE(contains(render_markdown(table), "| pw\\_cfe, R = 8, noise shared, rows disjoint |"));
  EXPECT_TRUE(contains(render_latex(table), "R Var\\_R / Var\\_1"));
  EXPECT_NO_THROW((void)render_text(t3({}, context)));
}

TEST(T3, AllRowsNeedNoPolicyForRows) {
  std::vector<ScalingSection> sections = study();
  sections[0].estimators[0].points[0].check.setting.batch_rows = 0;
  EXPECT_TRUE(contains(render_text(t3(sections, context)), "R = 1, noise independent, all rows"));
}

}  // namespace
}  // namespace variscope::experiments
