/// Small examples by hand for pooled moments, variance statistics, the jackknife and its special cases.
#include "engine/diagnostics/jackknife.hpp"

#include <gtest/gtest.h>

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/diagnostics/moments.hpp"
#include "engine/diagnostics/variance.hpp"
#include "tests/engine/diagnostics/samples.hpp"

namespace variscope::diagnostics {
namespace {

const std::vector<Block> two_blocks = {{"mean", {0, 1}}, {"log_scale", {1, 2}}};

/// Replicates (1, 10), (2, 10), (4, 10), (7, 13) in batches of 1, 1 and 2.
BatchMoments four_replicates() {
  BatchMoments moments;
  moments.resize(3, 2, 2);
  const double draws[4][2] = {{1, 10}, {2, 10}, {4, 10}, {7, 13}};
  const Index batch[4] = {0, 1, 2, 2};
  for (std::size_t i = 0; i < 4; ++i) {
    testing::add(moments, batch[i], two_blocks, draws[i]);
  }
  return moments;
}

TEST(Moments, PoolOfFourReplicatesByHand) {
  const PooledMoments pooled = pool(four_replicates());
  EXPECT_DOUBLE_EQ(pooled.count, 4);
  EXPECT_DOUBLE_EQ(pooled.deviation[0], 3.5);
  EXPECT_DOUBLE_EQ(pooled.variance[0], 7.0);  // deviations -2.5 -1.5 .5 3.5: 21 / 3
  EXPECT_DOUBLE_EQ(pooled.variance[1], 2.25);
  EXPECT_DOUBLE_EQ(pooled.mean_square[0], 17.5);
}

TEST(Moments, OneReplicateHasNoVariance) {
  BatchMoments moments;
  moments.resize(1, 1, 1);
  moments.count[0] = 1;
  EXPECT_TRUE(std::isnan(pool(moments).variance[0]));
}

TEST(Moments, CancellationNeverGivesANegativeVariance) {
  BatchMoments moments;
  moments.resize(1, 1, 1);
  moments.count[0] = 3;
  moments.sum[0] = 3 * 0.1;
  moments.square[0] = 3 * 0.1 * 0.1 * (1 - 1e-15);
  EXPECT_EQ(pool(moments).variance[0], 0.0);
}

TEST(VarianceStatistics, LeaveOneBatchOutByHand) {
  const std::vector<double> floor(2, 0.0);
  const std::vector<double> weights = {2.0, 0.5};
  const VarianceStatistics s = variance_statistics(four_replicates(), two_blocks, floor, weights);
  EXPECT_DOUBLE_EQ(s.total.value, 9.25);
  EXPECT_DOUBLE_EQ(s.trace[0].value, 7.0);
  EXPECT_DOUBLE_EQ(s.trace[1].value, 2.25);
  EXPECT_DOUBLE_EQ(s.fisher.value, 2 * 7.0 + 0.5 * 2.25);
  EXPECT_DOUBLE_EQ(s.total_maximum.value, 7.0);
  // Without the first batch: 2 4 7 has variance 19/3; 10 10 13 has 3.
  EXPECT_NEAR(s.trace[0].without[0], 19.0 / 3, 1e-12);
  EXPECT_NEAR(s.trace[1].without[0], 3.0, 1e-12);
  EXPECT_NEAR(s.total.without[0], 19.0 / 3 + 3, 1e-12);
  // Without the third: 1 2 has variance 1/2; 10 10 has none.
  EXPECT_NEAR(s.trace[0].without[2], 0.5, 1e-12);
  EXPECT_NEAR(s.maximum[1].without[2], 0.0, 1e-12);
}

/// A statistic whose logarithm is a mean over replicates: there the jackknife is the textbook standard error.
LeaveOneOut log_mean(const std::vector<double>& sums, const std::vector<double>& count) {
  const double n = std::accumulate(count.begin(), count.end(), 0.0);
  const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
  LeaveOneOut statistic;
  statistic.value = std::exp(total / n);
  for (std::size_t b = 0; b < sums.size(); ++b) {
    statistic.without.push_back(std::exp((total - sums[b]) / (n - count[b])));
  }
  return statistic;
}

TEST(Jackknife, OfAMeanIsTheStandardErrorOfBatchMeans) {
  testing::Engine engine(3);
  std::vector<double> sums(32);
  const std::vector<double> count(32, 8.0);
  double mean = 0;
  for (double& s : sums) {
    s = 8 * testing::normal(engine);
    mean += s / 8 / 32;
  }
  double square = 0;
  for (const double s : sums) {
    square += (s / 8 - mean) * (s / 8 - mean);
  }
  const double expected = std::sqrt(square / 31 / 32);
  EXPECT_NEAR(jackknife(log_mean(sums, count), count).log_error, expected, 1e-10 * expected);
}

TEST(Jackknife, UnequalBatchesAreWeighted) {
  // Variances of batch sums grow with their sizes; the mean square error of the estimated error tells equal from unequal handling.
  testing::Engine engine(4);
  std::vector<double> count(60);
  double n = 0;
  for (std::size_t b = 0; b < count.size(); ++b) {
    count[b] = b % 3 == 0 ? 40 : 4;
    n += count[b];
  }
  double square = 0;
  constexpr int repetitions = 400;
  for (int k = 0; k < repetitions; ++k) {
    std::vector<double> sums(count.size());
    for (std::size_t b = 0; b < count.size(); ++b) {
      sums[b] = std::sqrt(count[b]) * testing::normal(engine);
    }
    const double error = jackknife(log_mean(sums, count), count).log_error;
    square += error * error / repetitions;
  }
  EXPECT_NEAR(square * n, 1.0, 0.04);  // Monte Carlo error 0.01 (four of them)
}

TEST(Jackknife, EmptyBatchesChangeNothing) {
  const std::vector<double> sums = {1.0, 2.0, -1.0, 0.5};
  const std::vector<double> count = {2, 2, 3, 2};
  const std::vector<double> sums_with = {1.0, 0.0, 2.0, -1.0, 0.5};
  const std::vector<double> count_with = {2, 0, 2, 3, 2};
  const Estimate plain = jackknife(log_mean(sums, count), count);
  const Estimate with = jackknife(log_mean(sums_with, count_with), count_with);
  EXPECT_DOUBLE_EQ(plain.log_error, with.log_error);
  EXPECT_DOUBLE_EQ(plain.upper, with.upper);
}

TEST(Jackknife, FewBatchesAreMarked) {
  const std::vector<double> count(19, 100.0);
  std::vector<double> sums(19);
  std::iota(sums.begin(), sums.end(), -9.0);
  const Estimate estimate = jackknife(log_mean(sums, count), count);
  EXPECT_EQ(estimate.reliability, Reliability::too_few);
  EXPECT_TRUE(estimate.has_interval());
  const std::vector<double> one(1, 1.0);
  EXPECT_FALSE(jackknife(log_mean({1.0}, one), one).has_interval());
}

TEST(Jackknife, ZeroUpToRoundingIsZeroAndNeverNotANumber) {
  const std::vector<double> count(32, 8.0);
  LeaveOneOut zero;
  zero.without.assign(32, 0.0);
  LeaveOneOut rounding = zero;
  rounding.value = 1e-30;
  rounding.floor = 3e-25;
  LeaveOneOut one;
  one.value = 2.0;
  one.without.assign(32, 2.0);
  EXPECT_EQ(jackknife(zero, count).reliability, Reliability::zero);
  EXPECT_EQ(jackknife(rounding, count).value, 0.0);
  EXPECT_EQ(jackknife(rounding, count).floor, 3e-25);
  EXPECT_EQ(jackknife_ratio(rounding, one, count).reliability, Reliability::zero);
  EXPECT_EQ(jackknife_ratio(rounding, one, count).floor, 1.5e-25);
  EXPECT_FALSE(jackknife_ratio(one, rounding, count).defined());
  EXPECT_FALSE(jackknife_ratio(zero, zero, count).defined());
  LeaveOneOut broken = one;
  broken.value = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(jackknife(broken, count).defined());
  EXPECT_FALSE(jackknife_ratio(broken, one, count).defined());
}

TEST(Jackknife, RatioToItselfIsExactlyOne) {
  testing::Engine engine(5);
  const std::vector<Block> block = {{"all", {0, 4}}};
  const BatchMoments moments = testing::gather(engine, testing::gaussian(), 4, block, 256, 32);
  const std::vector<double> floor(4, 0.0);
  const VarianceStatistics s = variance_statistics(moments, block, floor, {});
  const Estimate ratio = jackknife_ratio(s.total, s.total, s.count);
  EXPECT_EQ(ratio.value, 1.0);
  EXPECT_EQ(ratio.lower, 1.0);
  EXPECT_EQ(ratio.upper, 1.0);
  EXPECT_TRUE(ratio.reliable());
}

TEST(TailIndex, OfAParetoTailIsItsInverseExponent) {
  // Squared norms u^-1/2: tail exponent 2, index 1/2. One per batch, so that norm_square is the square of it.
  testing::Engine engine(6);
  std::uniform_real_distribution<double> uniform(0, 1);
  double mean = 0;
  for (int k = 0; k < 200; ++k) {
    std::vector<double> squares(240);
    for (double& s : squares) {
      s = 1 / uniform(engine);
    }
    mean += tail_index(squares) / 200;
  }
  EXPECT_NEAR(mean, 0.5, 0.02);  // Monte Carlo error 0.0056
  EXPECT_EQ(tail_index(std::vector<double>(59, 1.0)), 0.0);
  EXPECT_EQ(tail_index(std::vector<double>(128, 0.0)), 0.0);
}

TEST(RoundingFloor, KnowsTheTermsThatCancel) {
  PointRecord point;
  point.lambda = {0.0, std::log(1e-3)};  // s = 0.001: sticking the landing cancels terms of size 1000
  point.reference = {2.0, 0.5};
  const std::vector<double> floor = rounding_floor(point, true);
  const double unit = 4096 * std::numeric_limits<double>::epsilon();
  EXPECT_NEAR(floor[0], 1000 * unit, 1e-9 * unit * 1000);
  EXPECT_DOUBLE_EQ(floor[1], unit);
  EXPECT_DOUBLE_EQ(rounding_floor(point, false)[0], 2 * unit);
}

}  // namespace
}  // namespace variscope::diagnostics
