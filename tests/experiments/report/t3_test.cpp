/// Table T3 on invented scalings: rows per policy, verdicts, limits, what is unknown.
#include "experiments/report/t3.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "experiments/report/render.hpp"

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
