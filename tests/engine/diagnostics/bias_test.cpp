/// The bias gate: false alarms at the promised rate, biases of the promised size found, broken inputs undecided.
#include "engine/diagnostics/bias.hpp"

#include <gtest/gtest.h>

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>

#include "tests/engine/diagnostics/samples.hpp"

namespace variscope::diagnostics {
namespace {

using testing::Draw;

constexpr Index dim = 10;
const std::vector<Block> one_block = {{"all", {0, dim}}};
const std::vector<double> no_floor(dim, 0.0);

PointRecord zero_reference(double error = 0.0) {
  PointRecord point;
  point.reference.assign(dim, 0.0);
  point.reference_error.assign(dim, error);
  return point;
}

/// Share of gates that call an unbiased estimator biased.
double false_alarms(const Draw& draw, Index replicates, Index batches, int repetitions, std::uint64_t seed) {
  testing::Engine engine(seed);
  const PointRecord point = zero_reference();
  double alarms = 0;
  for (int k = 0; k < repetitions; ++k) {
    const BatchMoments moments = testing::gather(engine, draw, dim, one_block, replicates, batches);
    alarms += bias_gate(moments, point, no_floor, dim).verdict == Verdict::biased ? 1 : 0;
  }
  return alarms / repetitions;
}

/// exp(z) about its mean: skewness 6.2, as the log-scale block of a score function may be.
Draw skewed() {
  return [](testing::Engine& engine, std::span<double> g) {
    for (double& value : g) {
      value = std::exp(testing::normal(engine)) - std::exp(0.5);
    }
  };
}

// Rate 0.01, 2000 repetitions: standard error 0.0022. Limits four of them away (false alarm of the test itself 3e-5).
TEST(BiasGate, FalseAlarmsAtThePromisedRate) {
  EXPECT_NEAR(false_alarms(testing::gaussian(), 256, 32, 2000, 1), 0.01, 0.009);
  EXPECT_LE(false_alarms(testing::equicorrelated(0.9), 256, 32, 2000, 2), 0.019);
  EXPECT_LE(false_alarms(testing::student(3, true), 256, 32, 2000, 3), 0.019);
  EXPECT_LE(false_alarms(testing::log_normal_weighted(1.0), 256, 32, 2000, 4), 0.019);
}

TEST(BiasGate, SkewnessIsCorrectedFor) {
  // Without the correction: 3 % and 7 %. With it 1.1 % and 2.4 % (few batches tell the skewness badly). Error 0.3, 0.5 %.
  EXPECT_LE(false_alarms(skewed(), 1024, 128, 1000, 5), 0.022);
  EXPECT_LE(false_alarms(skewed(), 256, 32, 1000, 6), 0.044);
}

TEST(BiasGate, SmallestDetectableBiasIsFoundWithThePromisedPower) {
  testing::Engine engine(7);
  const PointRecord point = zero_reference();
  const BatchMoments first = testing::gather(engine, testing::gaussian(), dim, one_block, 1024, 128);
  const double bias = bias_gate(first, point, no_floor, dim).detectable;
  const Draw draw = [bias](testing::Engine& e, std::span<double> g) {
    testing::gaussian()(e, g);
    g[4] += bias;
  };
  double caught = 0;
  constexpr int repetitions = 500;
  for (int k = 0; k < repetitions; ++k) {
    const BiasGate gate = bias_gate(testing::gather(engine, draw, dim, one_block, 1024, 128), point, no_floor, dim);
    const bool found = gate.verdict == Verdict::biased && gate.worst_parameter == 4;
    caught += found ? 1 : 0;
  }
  EXPECT_NEAR(caught / repetitions, 0.82, 0.08);  // of the worst coordinate's spread, hence a little above 0.80; error 0.018
}

TEST(BiasGate, ThresholdAndZByHand) {
  // Two replicates, -1 and 3, of one coordinate: mean 1, variance 8, z = 1 / 2; one batch, so no skewness.
  BatchMoments moments;
  moments.resize(1, 1, 1);
  moments.count[0] = 2;
  moments.sum[0] = 2;
  moments.square[0] = 10;
  PointRecord point;
  point.reference = {5.0};
  point.reference_error = {0.0};
  const std::vector<double> floor(1, 0.0);
  const BiasGate gate = bias_gate(moments, point, floor, 7);
  EXPECT_DOUBLE_EQ(gate.max_abs_z, 0.5);
  const boost::math::students_t student(1.0);
  EXPECT_NEAR(gate.threshold, boost::math::quantile(student, 1 - 0.01 / 14), 1e-6 * gate.threshold);
  EXPECT_NEAR(gate.detectable_relative, gate.detectable / 5.0, 1e-12);
  point.reference_error[0] = std::sqrt(12.0);
  EXPECT_DOUBLE_EQ(bias_gate(moments, point, floor, 7).max_abs_z, 0.25);  // the reference's error counts: 1 / sqrt(4 + 12)
}

TEST(BiasGate, AnExactEstimatorPassesUpToRounding) {
  BatchMoments moments;
  moments.resize(2, 1, 1);
  moments.count = {4, 4};
  moments.sum = {4e-16, 4e-16};
  moments.square = {4e-32, 4e-32};
  PointRecord point;
  point.reference = {1.0};
  point.reference_error = {0.0};
  const std::vector<double> floor(1, 9e-13);
  EXPECT_EQ(bias_gate(moments, point, floor, 1).verdict, Verdict::unbiased);
  moments.sum = {4e-6, 4e-6};  // a constant bias of 1e-6, no noise at all
  moments.square = {4e-12, 4e-12};
  EXPECT_EQ(bias_gate(moments, point, floor, 1).verdict, Verdict::biased);
}

TEST(BiasGate, NotFiniteOrTooFewIsUndecided) {
  PointRecord point;
  point.reference = {1.0};
  point.reference_error = {0.0};
  const std::vector<double> floor(1, 0.0);
  BatchMoments moments;
  moments.resize(1, 1, 1);
  moments.count = {1};
  EXPECT_EQ(bias_gate(moments, point, floor, 1).verdict, Verdict::undecided);
  moments.count = {8};
  moments.sum = {std::numeric_limits<double>::quiet_NaN()};
  EXPECT_EQ(bias_gate(moments, point, floor, 1).verdict, Verdict::undecided);
}

}  // namespace
}  // namespace variscope::diagnostics
