/// One point's summary: ratios, rankings, work, signal, zeros and the names a baseline may have.
#include "engine/diagnostics/summary.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/experiments/report/example.hpp"

namespace variscope::diagnostics {
namespace {

const EstimatorSummary& find(const PointSummary& point, const std::string& name) {
  for (const EstimatorSummary& e : point.estimators) {
    if (e.name == name) {
      return e;
    }
  }
  throw std::out_of_range(name);
}

class Summary : public ::testing::Test {
 protected:
  std::vector<CellRecord> cells_ = experiments::testing::example_study();
  PointSummary optimum_ = summarise(cells_[0], cells_[0].points[2], {"PW-CFE", comparisons(cells_)});
};

TEST_F(Summary, BaselineIsFoundWhateverItsSpelling) { EXPECT_EQ(optimum_.baseline, "pw_cfe"); }

TEST_F(Summary, BiasedEstimatorIsCaughtAndNotRanked) {
  EXPECT_EQ(find(optimum_, "sf_wrong").bias.verdict, Verdict::biased);
  EXPECT_EQ(find(optimum_, "sf_wrong").ranking, Ranking::not_ranked);
  EXPECT_EQ(find(optimum_, "pw_cfe").bias.verdict, Verdict::unbiased);
}

TEST_F(Summary, RankingNeedsAnIntervalWithoutOne) {
  EXPECT_EQ(find(optimum_, "pw_cfe").ranking, Ranking::baseline);
  EXPECT_EQ(find(optimum_, "pw_antithetic").ranking, Ranking::lower);
  EXPECT_EQ(find(optimum_, "sf_raw").ranking, Ranking::not_ranked);  // heavy tails
  // At 0 % STL has twice the variance of PW-CFE.
  const PointSummary start = summarise(cells_[0], cells_[0].points[0], {});
  EXPECT_EQ(find(start, "stl").ranking, Ranking::higher);
  // An independent copy of the baseline cannot be told from it.
  PointRecord point = cells_[0].points[0];
  const experiments::testing::Recipe recipe = {"copy", 5, 2, 0, 0, false, 1e-4};
  point.estimators[1] = experiments::testing::make_estimator(recipe, 3, cells_[0].blocks, 569, 1024, 128, 999);
  EXPECT_EQ(find(summarise(cells_[0], point, {}), "copy").ranking, Ranking::indistinguishable);
}

TEST_F(Summary, ZeroVarianceIsZeroInEveryColumn) {
  const EstimatorSummary& stl = find(optimum_, "stl");
  EXPECT_EQ(stl.total.reliability, Reliability::zero);
  EXPECT_EQ(stl.ratio.value, 0.0);
  EXPECT_EQ(stl.work_ratio.reliability, Reliability::zero);
  EXPECT_FALSE(stl.signal_to_noise.defined());
  EXPECT_EQ(find(optimum_, "pw_antithetic").blocks[0].trace.reliability, Reliability::zero);
  EXPECT_EQ(find(optimum_, "pw_antithetic").blocks[1].trace.reliability, Reliability::reliable);
}

TEST_F(Summary, RatiosAgainstAZeroBaselineAreUndefined) {
  const PointSummary against_stl = summarise(cells_[0], cells_[0].points[2], {"stl", 0});
  EXPECT_FALSE(find(against_stl, "pw_cfe").ratio.defined());
  EXPECT_FALSE(find(against_stl, "pw_cfe").work_ratio.defined());
  EXPECT_TRUE(summarise(cells_[0], cells_[0].points[2], {"absent", 0}).baseline.empty());
}

TEST_F(Summary, WorkCountsAGradientTwice) {
  const EstimatorSummary& pathwise = find(optimum_, "pw_cfe");
  const EstimatorSummary& score = find(optimum_, "sf_raw");
  EXPECT_DOUBLE_EQ(pathwise.work.gradient_passes, 16);
  EXPECT_DOUBLE_EQ(pathwise.work.value_equivalents, 32);
  EXPECT_DOUBLE_EQ(score.work.value_equivalents, 16);
  EXPECT_DOUBLE_EQ(score.work_ratio.value, score.ratio.value / 2);
  EXPECT_NEAR(score.time_ratio.value, score.ratio.value * 0.7 / 1.1, 1e-9 * score.ratio.value);
  EstimatorRecord record;
  record.counts = {.value_evaluations = 30, .gradient_evaluations = 20, .hessian_evaluations = 10};
  EXPECT_DOUBLE_EQ(work_per_call(record, 10, 0, 0).value_equivalents, 3 + 2 * 2 + 3 * 1);  // no data: evaluations count
}

TEST_F(Summary, WorkHasAShareOfThePreparation) {
  // 10 calls on batches of 20 of 1000 rows; one pass over all rows of gradients beforehand, of which each call is charged a fiftieth.
  EstimatorRecord record;
  record.counts = {.value_rows = 10 * 4 * 20, .hessian_rows = 10 * 2 * 20};
  record.preparation = {.gradient_evaluations = 7, .gradient_rows = 1000};
  record.preparation_share = 0.02;
  const Work work = work_per_call(record, 10, 1000, 20);
  EXPECT_DOUBLE_EQ(work.value_passes, 4);
  EXPECT_DOUBLE_EQ(work.gradient_passes, 0.02 * 1000 / 20);
  EXPECT_DOUBLE_EQ(work.hessian_passes, 2);
  EXPECT_DOUBLE_EQ(work.value_equivalents, 4 + 2 * 1 + 3 * 2);
  record.preparation_share = 0;
  EXPECT_DOUBLE_EQ(work_per_call(record, 10, 1000, 20).gradient_passes, 0);
}

TEST_F(Summary, SignalIsTheReferenceLessItsError) {
  const EstimatorSummary& pathwise = find(optimum_, "pw_cfe");
  double length = 0;
  for (const double g : cells_[0].points[2].reference) {
    length += g * g;
  }
  EXPECT_TRUE(pathwise.signal.from_reference);
  EXPECT_NEAR(pathwise.signal_to_noise.value, length / pathwise.total.value, 1e-9);
  EXPECT_DOUBLE_EQ(pathwise.noise_scale.value, 1 / pathwise.signal_to_noise.value);
  // A useless reference: the estimator's own mean, its noise subtracted.
  PointRecord point = cells_[0].points[0];
  point.reference_error.assign(6, 50.0);
  EXPECT_FALSE(find(summarise(cells_[0], point, {}), "pw_cfe").signal.from_reference);
}

TEST_F(Summary, BlocksAddUpAndMeansDivide) {
  const EstimatorSummary& pathwise = find(optimum_, "pw_cfe");
  EXPECT_NEAR(pathwise.total.value, pathwise.blocks[0].trace.value + pathwise.blocks[1].trace.value, 1e-12);
  EXPECT_DOUBLE_EQ(pathwise.blocks[0].mean.value, pathwise.blocks[0].trace.value / 3);
  EXPECT_GE(pathwise.maximum.value, pathwise.blocks[1].maximum.value);
  // True traces at the optimum: sum over i of (sd / (1 + i / 2))^2.
  const double shape = 1 + 1 / 2.25 + 1 / 4.0;
  EXPECT_LT(std::abs(std::log(pathwise.blocks[0].trace.value / (0.0025 * shape))), 4 * pathwise.blocks[0].trace.log_error);
}

}  // namespace
}  // namespace variscope::diagnostics
