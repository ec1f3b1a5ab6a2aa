/// Table T3's lines from replicates with known variances: ratios, efficiencies, verdicts, useful numbers of replicas.
#include "engine/diagnostics/scaling.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/diagnostics/variance.hpp"
#include "tests/engine/diagnostics/samples.hpp"

namespace variscope::diagnostics {
namespace {

constexpr Index dim = 6;
constexpr Index batches = 64;
const std::vector<Block> one_block = {{"all", {0, dim}}};
const std::vector<double> no_floor(dim, 0.0);
const Components truth = {6, 40, 20};
const Policy independent = {NoisePolicy::independent, RowPolicy::disjoint};
const Policy shared = {NoisePolicy::shared, RowPolicy::disjoint};

/// Components known almost exactly: every batch of designs says the truth, give or take a thousandth.
ComponentStatistics components() {
  const auto known = [](double value) {
    LeaveOneOut s;
    s.value = value;
    for (Index b = 0; b < batches; ++b) {
      s.without.push_back(value * (1 + (b % 2 == 0 ? 1e-4 : -1e-4)));
    }
    return s;
  };
  ComponentStatistics c;
  c.monte_carlo = known(truth.monte_carlo);
  c.data = known(truth.data);
  c.interaction = known(truth.interaction);
  c.count.assign(batches, 2.0);
  c.per_count = 36;
  return c;
}

MeasuredScaling measure(Index replicas, const Policy& declared, const Policy& really, std::uint64_t seed) {
  MeasuredScaling m;
  m.setting = {1000, 4, 20, replicas};
  m.policy = declared;
  const double sd = std::sqrt(*predicted_variance(truth, m.setting, really) / dim);
  testing::Engine engine(seed);
  const testing::Draw draw = [sd](testing::Engine& e, std::span<double> g) {
    for (double& value : g) {
      value = sd * testing::normal(e);
    }
  };
  const VarianceStatistics s = variance_statistics(testing::gather(engine, draw, dim, one_block, 512, batches), one_block, no_floor, {});
  m.trace = s.total;
  m.count = s.count;
  m.seconds = 1e-3 * static_cast<double>(replicas);
  return m;
}

TEST(Scaling, LinesOfAStudy) {
  const std::vector<MeasuredScaling> measured = {measure(1, independent, independent, 1), measure(4, independent, independent, 2),
                                                 measure(16, independent, independent, 3), measure(16, shared, shared, 4),
                                                 measure(16, independent, shared, 5)};
  const ComponentStatistics c = components();
  const double norm_square = 0.5;
  const ScalingSummary s = scaling("pw_cfe", measured, &c, norm_square, 5);
  ASSERT_EQ(s.points.size(), 5);
  const Setting at16{1000, 4, 20, 16};
  const double one = *predicted_variance(truth, {1000, 4, 20, 1}, independent);
  EXPECT_DOUBLE_EQ(s.points[0].ratio.value, 1);
  for (const std::size_t i : {1, 2, 3}) {
    const ScalingPoint& p = s.points[i];
    const Setting& at = measured[i].setting;
    const auto r = static_cast<double>(at.replicas);
    // Seeds are fixed: five standard errors, one false alarm in a million.
    const double ideal = r * *predicted_variance(truth, at, measured[i].policy) / one;
    EXPECT_LT(std::abs(std::log(p.ratio.value / ideal)), 5 * p.ratio.log_error);
    EXPECT_DOUBLE_EQ(p.efficiency.value * p.ratio.value, 1);  // seconds grow as R
    EXPECT_LT(p.efficiency.lower, p.efficiency.value);
    EXPECT_GT(p.efficiency.upper, p.efficiency.value);
    EXPECT_EQ(p.check.comparison.agreement, Agreement::agrees);
    EXPECT_DOUBLE_EQ(p.noise_scale.value, measured[i].trace.value / norm_square);
    EXPECT_DOUBLE_EQ(p.step_progress, replica_efficiency(measured[0].trace.value, measured[i].trace.value, at.replicas, norm_square));
  }
  EXPECT_LT(s.points[2].ratio.upper, 1.0);  // disjoint rows pay extra
  EXPECT_GT(s.points[3].ratio.lower, 4.0);  // the floor
  EXPECT_EQ(s.points[4].check.comparison.agreement, Agreement::above);
  EXPECT_EQ(s.points[3].useful, largest_useful_replicas(truth, at16, shared, norm_square));
  EXPECT_EQ(s.points[3].useful_floor, largest_useful_replicas(truth, at16, shared, 0));
  EXPECT_LE(*s.points[3].useful, *s.points[3].useful_floor);
}

TEST(Scaling, WithoutComponentsOrOneReplica) {
  const std::vector<MeasuredScaling> measured = {measure(4, shared, shared, 6)};
  const ScalingSummary s = scaling("pw_cfe", measured, nullptr, 0, 1);
  EXPECT_FALSE(s.points[0].ratio.defined());
  EXPECT_FALSE(s.points[0].efficiency.defined());
  EXPECT_TRUE(std::isnan(s.points[0].step_progress));
  EXPECT_FALSE(s.points[0].noise_scale.defined());
  EXPECT_FALSE(s.points[0].check.comparison.predicted.defined());
  EXPECT_TRUE(s.points[0].check.comparison.measured.defined());
  EXPECT_EQ(s.points[0].check.comparison.agreement, Agreement::undecided);
}

TEST(Scaling, BatchesThatDifferAreTakenAsIndependent) {
  std::vector<MeasuredScaling> measured = {measure(1, shared, shared, 7), measure(4, shared, shared, 8)};
  const Estimate paired = scaling("x", measured, nullptr, 0, 1).points[1].ratio;
  measured[0].count.back() += 1;
  const Estimate independent_ratio = scaling("x", measured, nullptr, 0, 1).points[1].ratio;
  EXPECT_NEAR(independent_ratio.value, paired.value, 1e-12);
  EXPECT_NEAR(independent_ratio.log_error / paired.log_error, 1, 0.3);  // they are independent
}

}  // namespace
}  // namespace variscope::diagnostics
