/// Two runs side by side: the same bits, the same truth, another truth; how often it cries wolf.
#include "experiments/report/compare.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/experiments/report/example.hpp"

namespace variscope::experiments {
namespace {

/// One cell, one point, four estimators of a three-dimensional family.
store::RunRecord run_of(std::uint64_t seed, double larger = 1, double bias = 0, Index replicates = 640) {
  CellRecord cell = testing::example_study(64, 16).front();
  cell.settings = {{"study.seed", std::to_string(seed)}, {"model.name", "logistic"}};
  PointRecord point = cell.points.front();
  point.label = "50 %";
  point.estimators.clear();
  for (const char* name : {"pw_cfe", "pw_kl", "stl", "sf_loo"}) {
    const bool changed = std::string(name) == "stl";
    point.estimators.push_back(testing::make_estimator({name, changed ? 5 * larger : 5, changed ? 2 * larger : 2, 0, changed ? bias : 0}, 3,
                                                       cell.blocks, 569, replicates, 64, seed + (changed ? 100000 : 0)));
  }
  cell.points = {point};
  store::RunRecord run;
  run.cells = {cell};
  run.results_hash = std::to_string(seed) + "/" + std::to_string(larger) + "/" + std::to_string(bias) + "/" + std::to_string(replicates);
  return run;
}

std::string verdict_of(const RunComparison& found, const std::string& estimator, const std::string& quantity) {
  for (const TableSection& section : found.results.sections) {
    for (const TableRow& row : section.rows) {
      if (row.name == estimator && row.cells.front().text == quantity) return row.cells.back().text;
    }
  }
  return "";
}

TEST(Compare, OneRunIsTheSameBits) {
  const store::RunRecord run = run_of(1);
  const RunComparison found = compare_runs(run, run);
  EXPECT_TRUE(found.same_bits);
  EXPECT_EQ(found.differing, 0);
  EXPECT_EQ(found.compared, 8);
  EXPECT_EQ(verdict_of(found, "stl", "tr Var"), "same bits");
  EXPECT_EQ(verdict_of(found, "stl", "mean gradient"), "same bits");
}

TEST(Compare, PairedRunsShowAChangeThatIndependentOnesHide) {
  // 1 % more standard deviation, on common random numbers the ratio is 1.0201 without noise.
  const RunComparison paired = compare_runs(run_of(1), run_of(1, 1.01));
  EXPECT_EQ(verdict_of(paired, "stl", "tr Var"), "DIFFERS");
  EXPECT_EQ(verdict_of(paired, "pw_cfe", "tr Var"), "same bits");
  const RunComparison independent = compare_runs(run_of(1), run_of(2, 1.01));
  EXPECT_EQ(verdict_of(independent, "stl", "tr Var"), "agrees");
  EXPECT_EQ(verdict_of(independent, "pw_cfe", "tr Var"), "agrees");
  // 20 % more is seen in either case: 1.44 against a relative error of about 0.06.
  EXPECT_EQ(verdict_of(compare_runs(run_of(1), run_of(2, 1.2)), "stl", "tr Var"), "DIFFERS");
  EXPECT_EQ(verdict_of(compare_runs(run_of(1), run_of(2, 1.2, 0, 1280)), "stl", "tr Var"), "DIFFERS");
}

TEST(Compare, ABiasIsADifferenceOfMeanGradients) {
  EXPECT_EQ(verdict_of(compare_runs(run_of(1), run_of(2, 1, 3)), "stl", "mean gradient"), "DIFFERS");
  EXPECT_EQ(verdict_of(compare_runs(run_of(1), run_of(2, 1, 3, 1280)), "stl", "mean gradient"), "DIFFERS");
  EXPECT_EQ(verdict_of(compare_runs(run_of(1), run_of(2, 1, 3)), "pw_kl", "mean gradient"), "agrees");
}

TEST(Compare, CriesWolfInOnePairOfAHundredAtMost) {
  // 150 pairs of runs of the same truth, half of them with another number of replicates. At a rate of 1 %, more than 6 have a chance of
  // 6e-4.
  int alarms = 0;
  for (std::uint64_t k = 0; k < 150; ++k) {
    const RunComparison found = compare_runs(run_of(1000 + 2 * k), run_of(1001 + 2 * k, 1, 0, k % 2 == 0 ? 640 : 960));
    alarms += found.differing > 0 ? 1 : 0;
    EXPECT_EQ(found.compared + found.not_judged, 8);
  }
  EXPECT_LE(alarms, 6);
}

TEST(Compare, SaysWhatCannotBeCompared) {
  const store::RunRecord a = run_of(1);
  store::RunRecord b = run_of(1, 1.01);
  b.cells.front().settings.back().second = "glm";
  RunComparison found = compare_runs(a, b);
  ASSERT_EQ(found.apart.size(), 2U);
  EXPECT_NE(found.apart.front().find("model.name: logistic / glm"), std::string::npos) << found.apart.front();
  b = run_of(1, 1.01);
  b.cells.front().points.front().lambda[2] += 0.01;
  found = compare_runs(a, b);
  ASSERT_EQ(found.apart.size(), 1U);
  EXPECT_NE(found.apart.front().find("the parameters differ by"), std::string::npos) << found.apart.front();
  EXPECT_EQ(found.compared, 0);
  b = run_of(1, 1.01);
  b.cells.front().points.front().estimators.pop_back();
  found = compare_runs(a, b);
  ASSERT_EQ(found.apart.size(), 1U);
  EXPECT_NE(found.apart.front().find("sf_loo was not run in the second run"), std::string::npos) << found.apart.front();
}

}  // namespace
}  // namespace variscope::experiments
