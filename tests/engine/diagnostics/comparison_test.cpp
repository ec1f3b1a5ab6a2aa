/// Predicted against measured: right as often as it says, and replicas that silently share a stream are caught.
#include "engine/diagnostics/comparison.hpp"

#include <gtest/gtest.h>

#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "engine/diagnostics/components.hpp"
#include "engine/diagnostics/variance.hpp"
#include "tests/engine/diagnostics/samples.hpp"

namespace variscope::diagnostics {
namespace {

constexpr Index dim = 4;
const std::vector<Block> one_block = {{"all", {0, dim}}};
const std::vector<double> no_floor(dim, 0.0);
const Components truth = {3.0 * dim, 5.0 * dim, 2.0 * dim};
constexpr Index rows = 100;
const Setting designs_at = {rows, 2, 10, 1};
constexpr NoisePolicy independent = NoisePolicy::independent;
constexpr NoisePolicy shared = NoisePolicy::shared;

/// Gaussian effects with exactly the variances the components have at a setting.
ComponentStatistics sampled_components(testing::Engine& engine, Index designs, Index batches) {
  constexpr std::size_t k_count = 5;
  constexpr std::size_t l_count = 5;
  const Components c = *coefficients(designs_at, {independent, RowPolicy::without_replacement});
  const double sd[3] = {std::sqrt(c.monte_carlo * truth.monte_carlo / dim), std::sqrt(c.data * truth.data / dim),
                        std::sqrt(c.interaction * truth.interaction / dim)};
  ComponentMoments moments;
  moments.resize(batches, dim, 1, k_count, l_count);
  std::vector<double> x(k_count * l_count * dim);
  for (Index d = 0; d < designs; ++d) {
    for (double& value : x) {
      value = sd[2] * testing::normal(engine);
    }
    for (std::size_t p = 0; p < dim; ++p) {
      for (std::size_t k = 0; k < k_count; ++k) {
        const double effect = sd[1] * testing::normal(engine);
        for (std::size_t l = 0; l < l_count; ++l) {
          x[(k * l_count + l) * dim + p] += effect;
        }
      }
      for (std::size_t l = 0; l < l_count; ++l) {
        const double effect = sd[0] * testing::normal(engine);
        for (std::size_t k = 0; k < k_count; ++k) {
          x[(k * l_count + l) * dim + p] += effect;
        }
      }
    }
    add_design(moments, d * batches / designs, one_block, x);
  }
  return component_statistics(moments, one_block, designs_at, RowPolicy::without_replacement, no_floor)[0];
}

/// Replicates with a given trace.
Estimate sampled_variance(testing::Engine& engine, double trace, Index replicates, Index batches) {
  const double sd = std::sqrt(trace / dim);
  const testing::Draw draw = [sd](testing::Engine& e, std::span<double> g) {
    for (double& value : g) {
      value = sd * testing::normal(e);
    }
  };
  const VarianceStatistics s =
      variance_statistics(testing::gather(engine, draw, dim, one_block, replicates, batches), one_block, no_floor, {});
  return jackknife(s.total, s.count);
}

const Setting elsewhere = {rows, 8, 5, 4};

TEST(Prediction, CoversTheTruthAtOtherSettings) {
  constexpr int repetitions = 800;
  testing::Engine engine(131);
  int covered[3] = {0, 0, 0};
  const Components at[3] = {*coefficients(elsewhere, {independent, RowPolicy::disjoint}),
                            *coefficients(elsewhere, {shared, RowPolicy::disjoint}),
                            *coefficients({rows, 1, 40, 1}, {independent, RowPolicy::without_replacement})};
  for (int i = 0; i < repetitions; ++i) {
    const ComponentStatistics c = sampled_components(engine, 128, 64);
    for (int k = 0; k < 3; ++k) {
      const Estimate e = predicted(c, at[k]);
      const double value = dot(at[k], truth);
      covered[k] += e.lower <= value && value <= e.upper ? 1 : 0;
    }
  }
  for (const int count : covered) {
    EXPECT_NEAR(static_cast<double>(count) / repetitions, 0.95, 0.03 + 2 * 0.0077);
  }
}

TEST(Prediction, ZIsStandardWhereThePolicyIsAsDeclared) {
  constexpr int repetitions = 1000;
  testing::Engine engine(132);
  int beyond = 0;
  int alarms = 0;
  double square = 0;
  const Components at = *coefficients(elsewhere, {independent, RowPolicy::disjoint});
  for (int i = 0; i < repetitions; ++i) {
    const Comparison c = compare(predicted(sampled_components(engine, 128, 64), at), sampled_variance(engine, dot(at, truth), 512, 64), 1);
    square += c.z * c.z / repetitions;
    const double five_percent = boost::math::quantile(boost::math::complement(boost::math::students_t(c.freedom), 0.025));
    beyond += std::abs(c.z) > five_percent ? 1 : 0;
    alarms += c.agreement == Agreement::above || c.agreement == Agreement::below ? 1 : 0;
  }
  // Standard errors of 1000 repetitions: 0.7 % of 5 %, 0.3 % of 1 %, 0.045 of a mean square of 1; three of each and 1 %, 0.5 %, 0.05 of
  // bias.
  EXPECT_NEAR(beyond / static_cast<double>(repetitions), 0.05, 0.03);
  EXPECT_LE(alarms / static_cast<double>(repetitions), comparison_false_alarm_rate + 0.015);
  EXPECT_NEAR(square, 1.0, 0.19);
}

TEST(Prediction, ReplicasThatShareAStreamAreCaught) {
  testing::Engine engine(133);
  const double really = *predicted_variance(truth, elsewhere, {shared, RowPolicy::disjoint});
  const Components declared = *coefficients(elsewhere, {independent, RowPolicy::disjoint});
  int caught = 0;
  for (int i = 0; i < 100; ++i) {
    const Comparison c = compare(predicted(sampled_components(engine, 256, 64), declared), sampled_variance(engine, really, 512, 64), 100);
    caught += c.agreement == Agreement::above ? 1 : 0;
  }
  // The trace is 1.5 times the prediction: the chance of missing or not deciding one is below a tenth.
  EXPECT_GT(really, 1.3 * dot(declared, truth));
  EXPECT_GE(caught, 85);
}

TEST(Prediction, MissingComponentsGiveNoPrediction) {
  testing::Engine engine(134);
  ComponentStatistics c = sampled_components(engine, 64, 32);
  EXPECT_TRUE(predicted(c, {0.5, 0, 0}).defined());
  c.data.without.clear();
  EXPECT_TRUE(predicted(c, {0.5, 0, 0.1}).defined());
  EXPECT_FALSE(predicted(c, {0.5, 0.1, 0.1}).defined());
  c.joint = true;
  EXPECT_TRUE(predicted(c, {0.5, 0, 0.5}).defined());
  EXPECT_DOUBLE_EQ(predicted(c, {0.5, 0, 0.5}).value, 0.5 * c.monte_carlo.value);
  EXPECT_FALSE(predicted(c, {0.5, 0, 0.1}).defined());
}

Estimate make(double value, double log_error, double freedom, Reliability reliability = Reliability::reliable) {
  Estimate e;
  e.value = value;
  e.log_error = log_error;
  e.error = value * log_error;
  e.freedom = freedom;
  e.lower = value * std::exp(-2 * log_error);
  e.upper = value * std::exp(2 * log_error);
  e.reliability = reliability;
  return e;
}

TEST(Compare, ByHand) {
  const Comparison c = compare(make(1, 0.03, 40), make(std::exp(0.5), 0.04, 60), 1);
  EXPECT_NEAR(c.z, 10, 1e-12);
  EXPECT_NEAR(c.freedom, 625.0 / (81.0 / 40 + 256.0 / 60), 1e-9);
  EXPECT_EQ(c.agreement, Agreement::above);
  EXPECT_EQ(compare(make(2, 0.03, 40), make(1, 0.04, 60), 1).agreement, Agreement::below);
  EXPECT_EQ(compare(make(1, 0.03, 40), make(1.05, 0.04, 60), 1).agreement, Agreement::agrees);
  EXPECT_EQ(compare(make(1, 0.03, 40, Reliability::heavy_tails), make(9, 0.04, 60), 1).agreement, Agreement::undecided);
  EXPECT_GT(compare(make(1, 0.03, 40, Reliability::heavy_tails), make(9, 0.04, 60), 1).z, 10);
  EXPECT_EQ(compare({}, make(1, 0.04, 60), 1).agreement, Agreement::undecided);
  // More comparisons, a higher threshold.
  EXPECT_GT(compare(make(1, 0.03, 40), make(1, 0.04, 60), 100).threshold, c.threshold + 1);
}

TEST(Compare, ZerosAndSignedPredictions) {
  Estimate zero;
  zero.value = 0;
  zero.reliability = Reliability::zero;
  EXPECT_EQ(compare(zero, zero, 1).agreement, Agreement::agrees);
  EXPECT_EQ(compare(zero, make(1, 0.04, 60), 1).agreement, Agreement::above);
  Estimate negative = make(-0.1, 0.1, 40);
  negative.log_error = std::nan("");
  negative.error = 0.2;
  EXPECT_EQ(compare(negative, zero, 1).agreement, Agreement::agrees);
  EXPECT_NEAR(compare(negative, zero, 1).z, 0.5, 1e-12);
}

TEST(Compare, RatioOfIndependent) {
  const Estimate ratio = ratio_of_independent(make(6, 0.03, 1e9), make(2, 0.04, 1e9));
  EXPECT_DOUBLE_EQ(ratio.value, 3);
  EXPECT_NEAR(ratio.log_error, 0.05, 1e-15);
  EXPECT_NEAR(ratio.upper, 3 * std::exp(1.959964 * 0.05), 1e-6);
  EXPECT_FALSE(ratio_of_independent(make(6, 0.03, 10), {}).defined());
  EXPECT_EQ(ratio_of_independent(make(6, 0.03, 10, Reliability::heavy_tails), make(2, 0.1, 10)).reliability, Reliability::heavy_tails);
}

}  // namespace
}  // namespace variscope::diagnostics
