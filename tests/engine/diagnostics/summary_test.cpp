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

TEST_F(Summary, SecondsHaveAShareOfThePreparation) {
  EstimatorRecord record;
  record.seconds_per_call = 0.5;
  record.preparation_seconds = 3;
  EXPECT_DOUBLE_EQ(seconds_per_call(record), 0.5);
  record.preparation_share = 0.25;
  EXPECT_DOUBLE_EQ(seconds_per_call(record), 0.5 + 0.75);
  // A timing that the file has not: unknown, and no time is compared.
  record.preparation_seconds = std::nan("");
  EXPECT_TRUE(std::isnan(seconds_per_call(record)));
  PointRecord point = cells_[0].points[1];
  for (EstimatorRecord& e : point.estimators) e.seconds_per_call = 1;
  EstimatorRecord& charged = point.estimators[1];
  charged.preparation_share = 0.5;
  charged.preparation_seconds = 4;
  const EstimatorSummary summary = summarise(cells_[0], point, {}).estimators[1];
  EXPECT_DOUBLE_EQ(summary.seconds_per_call, 3);
  EXPECT_NEAR(summary.time_ratio.value, 3 * summary.ratio.value, 1e-12 * summary.time_ratio.value);
  charged.preparation_seconds = std::nan("");
  const EstimatorSummary unknown = summarise(cells_[0], point, {}).estimators[1];
  EXPECT_FALSE(unknown.well_timed);
  EXPECT_FALSE(unknown.time_ratio.defined());
}

TEST_F(Summary, TrainingIsPaidWhenItsRatioTimesEvaluationsIsOne) {
  // A quieter pw_cfe has a third of its standard deviation, thus a ninth of its variance, at the same work of 32 value equivalents a call;
  // an independent copy cannot be told from it; sf_raw is much worse.
  PointRecord point = cells_[0].points[1];
  EstimatorRecord quiet = point.estimators[0];
  quiet.name = "quiet";
  for (double& value : quiet.moments.sum) value /= 3;
  for (double& value : quiet.moments.square) value /= 9;
  for (double& value : quiet.moments.norm) value /= 9;
  for (double& value : quiet.moments.norm_square) value /= 81;
  const Index rows = cells_[0].rows;
  const auto train = [&](EstimatorRecord& e, Index values) { e.preparation = {.value_evaluations = values, .value_rows = values * rows}; };
  train(quiet, 4096);
  point.estimators.push_back(quiet);
  const experiments::testing::Recipe recipe = {"copy", 0.5, 0.2, 0, 0, false, 1e-4};
  point.estimators[1] = experiments::testing::make_estimator(recipe, 3, cells_[0].blocks, 569, 1024, 128, 999);
  for (const std::size_t e : {0, 1, 4}) train(point.estimators[e], 4096);
  const auto trained = [&](const std::string& name) { return find(summarise(cells_[0], point, {}), name); };
  const EstimatorSummary summary = trained("quiet");
  EXPECT_NEAR(summary.ratio.value, 1.0 / 9, 1e-12);
  EXPECT_DOUBLE_EQ(summary.training, 4096);
  // (32 + 4096 / k) / 9 = 32: k = 16.
  EXPECT_NEAR(summary.break_even_calls, 16, 1e-9);
  // Charged with the 16th part of its training, it is worth as much as the baseline.
  point.estimators.back().preparation_share = 1.0 / 16;
  EXPECT_NEAR(trained("quiet").work_ratio.value, 1, 1e-12);
  EXPECT_EQ(trained("quiet").training, 0);
  EXPECT_TRUE(std::isnan(trained("quiet").break_even_calls));
  EXPECT_TRUE(std::isinf(trained("copy").break_even_calls));
  EXPECT_TRUE(std::isinf(trained("sf_raw").break_even_calls));
  EXPECT_TRUE(std::isnan(trained("pw_cfe").break_even_calls));  // the baseline itself
  EXPECT_TRUE(std::isnan(trained("stl").break_even_calls));     // learns nothing
}

TEST_F(Summary, SignalIsTheReferenceLessItsError) {
  const PointSummary half = summarise(cells_[0], cells_[0].points[1], {});
  const EstimatorSummary& pathwise = find(half, "pw_cfe");
  double length = 0;
  for (const double g : cells_[0].points[1].reference) {
    length += g * g;
  }
  EXPECT_TRUE(pathwise.signal.from_reference);
  EXPECT_TRUE(pathwise.signal.separated);
  EXPECT_NEAR(pathwise.signal_to_noise.value, length / pathwise.total.value, 1e-9);
  EXPECT_DOUBLE_EQ(pathwise.noise_scale.value, 1 / pathwise.signal_to_noise.value);
  // A useless reference: the estimator's own mean, its noise subtracted.
  PointRecord point = cells_[0].points[0];
  point.reference_error.assign(6, 50.0);
  EXPECT_FALSE(find(summarise(cells_[0], point, {}), "pw_cfe").signal.from_reference);
}

TEST_F(Summary, ASignalWithinItsErrorHasNoNoiseScale) {
  PointRecord point = cells_[0].points[1];
  point.estimators.resize(1);
  const auto with = [&](double gradient, double error) {
    point.reference.assign(6, gradient);
    point.reference_error.assign(6, error);
    return summarise(cells_[0], point, {}).estimators[0];
  };
  // Six coordinates of zero length measured with errors of 1: |G|^2 has mean 6 and standard deviation sqrt(12), so that 6 + 3 sqrt(12) =
  // 16.4 is hardly exceeded: a length of 6 x 1.6^2 = 15.4 is not told apart from zero, 6 x 1.7^2 = 17.3 is.
  const EstimatorSummary within = with(1.6e-3, 1e-3);
  EXPECT_FALSE(within.signal.separated);
  EXPECT_FALSE(within.noise_scale.defined());
  EXPECT_EQ(within.signal_to_noise.reliability, Reliability::zero);
  EXPECT_NEAR(within.signal_to_noise.floor * within.total.value, 1e-6 * (6 + 3 * std::sqrt(12.0)), 1e-12);
  const EstimatorSummary beyond = with(1.7e-3, 1e-3);
  EXPECT_TRUE(beyond.signal.separated);
  EXPECT_NEAR(beyond.noise_scale.value, beyond.total.value / (1e-6 * (6 * 1.7 * 1.7 - 6)), 1e-6 * beyond.noise_scale.value);
  // At the optimum a gradient is what the search left, however well it is known.
  point.label = "optimum";
  const EstimatorSummary optimum = with(1e-7, 1e-14);
  EXPECT_FALSE(optimum.signal.separated);
  EXPECT_FALSE(optimum.noise_scale.defined());
  EXPECT_NEAR(optimum.signal_to_noise.floor * optimum.total.value, 6e-14, 1e-18);
}

TEST_F(Summary, CallsTimedTooShortlyAreNotComparedByTime) {
  // 1024 replicates of 48 us are 49 ms, of 49 us 50.2 ms.
  PointRecord point = cells_[0].points[1];
  const auto timed = [&](double baseline, double other) {
    point.estimators[0].seconds_per_call = baseline;
    point.estimators[1].seconds_per_call = other;
    return find(summarise(cells_[0], point, {}), "pw_kl");
  };
  EXPECT_FALSE(timed(4.9e-5, 4.8e-5).well_timed);
  EXPECT_FALSE(timed(4.9e-5, 4.8e-5).time_ratio.defined());
  EXPECT_TRUE(timed(4.8e-5, 4.9e-5).well_timed);
  EXPECT_FALSE(timed(4.8e-5, 4.9e-5).time_ratio.defined());
  EXPECT_TRUE(timed(4.9e-5, 9.8e-5).time_ratio.defined());
  EXPECT_NEAR(timed(4.9e-5, 9.8e-5).time_ratio.value, 2 * timed(4.9e-5, 9.8e-5).ratio.value, 1e-9);
}

TEST_F(Summary, TwoCoordinatesAndFourReplicatesByHand) {
  // Coordinate 1: -1, 1, 3, 5 about the reference 10: mean 12, variance 20 / 3. Coordinate 2: -2, 2, -2, 2: mean 0, variance 16 / 3.
  CellRecord cell;
  cell.family = "mean_field_gaussian";
  cell.blocks = {{"mean", {0, 1}}, {"log_scale", {1, 2}}};
  PointRecord point;
  point.lambda = {0, std::log(0.5)};
  point.reference = {10, 0};
  point.reference_error = {0, 0};
  EstimatorRecord record;
  record.name = "pw_cfe";
  record.moments.resize(2, 2, 2);
  const std::vector<std::vector<double>> deviations = {{-1, -2}, {1, 2}, {3, -2}, {5, 2}};
  for (std::size_t i = 0; i < deviations.size(); ++i) {
    testing::add(record.moments, static_cast<Index>(i / 2), cell.blocks, deviations[i]);
  }
  record.counts.gradient_evaluations = 4 * 3;
  point.estimators = {record, record};
  // Twice the noise: four times the variance, half the seconds, twice the evaluations.
  EstimatorRecord& loud = point.estimators[1];
  loud.name = "loud";
  for (double& value : loud.moments.sum) value *= 2;
  for (double& value : loud.moments.square) value *= 4;
  loud.counts.gradient_evaluations *= 2;
  point.estimators[0].seconds_per_call = 1;
  loud.seconds_per_call = 0.5;
  const PointSummary summary = summarise(cell, point, {});
  const EstimatorSummary& one = summary.estimators[0];
  EXPECT_DOUBLE_EQ(one.blocks[0].trace.value, 20.0 / 3);
  EXPECT_DOUBLE_EQ(one.blocks[1].trace.value, 16.0 / 3);
  EXPECT_DOUBLE_EQ(one.total.value, 12);
  EXPECT_DOUBLE_EQ(one.maximum.value, 20.0 / 3);
  EXPECT_DOUBLE_EQ(one.fisher.value, 0.25 * 20 / 3 + 0.5 * 16 / 3);  // s^2 and 1/2
  EXPECT_DOUBLE_EQ(one.signal.norm_square, 100);
  EXPECT_DOUBLE_EQ(one.noise_scale.value, 0.12);
  EXPECT_DOUBLE_EQ(one.work.value_equivalents, 6);
  const EstimatorSummary& two = summary.estimators[1];
  EXPECT_DOUBLE_EQ(two.ratio.value, 4);
  EXPECT_DOUBLE_EQ(two.work_ratio.value, 8);
  EXPECT_DOUBLE_EQ(two.time_ratio.value, 2);
  EXPECT_EQ(one.total.reliability, Reliability::too_few);
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
