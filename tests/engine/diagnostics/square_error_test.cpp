/// Mean squared error and squared bias of a biased estimator: by hand, and the intervals' coverage where the truth is known.
#include "engine/diagnostics/square_error.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/diagnostics/variance.hpp"
#include "tests/engine/diagnostics/samples.hpp"

namespace variscope::diagnostics {
namespace {

const std::vector<Block> blocks = {{"mean", {0, 2}}, {"log_scale", {2, 3}}};
const std::vector<double> no_floor(3, 0.0);

PointRecord point(double error) {
  PointRecord record;
  record.reference.assign(3, 5.0);
  record.reference_error.assign(3, error);
  return record;
}

SquareErrorStatistics statistics_of(const BatchMoments& moments, const PointRecord& record) {
  return square_error(moments, record, variance_statistics(moments, blocks, no_floor, {}));
}

TEST(SquareError, ByHand) {
  BatchMoments moments;
  moments.resize(2, 3, 2);
  // Deviations from the reference: coordinate 0 alone.
  for (const auto& [batch, value] : {std::pair{0, 1.0}, {0, 2.0}, {1, 3.0}, {1, 6.0}}) {
    testing::add(moments, batch, blocks, std::vector<double>{value, 0.0, 0.0});
  }
  const SquareErrorStatistics s = statistics_of(moments, point(0.1));
  // Mean of squares 50 / 4; mean 3, variance 14 / 3.
  EXPECT_NEAR(s.total.value, 12.5 - 0.03, 1e-12);
  EXPECT_NEAR(s.bias_square.value, 9.0 - 14.0 / 3 / 4 - 0.03, 1e-12);
  EXPECT_NEAR(s.total.value, s.bias_square.value + 14.0 / 3, 1e-12);
  // Without the first batch: 3 and 6.
  EXPECT_NEAR(s.total.without[0], 22.5 - 0.03, 1e-12);
  EXPECT_NEAR(s.bias_square.without[0], 20.25 - 4.5 / 2 - 0.03, 1e-12);
  EXPECT_NEAR(s.reference_error, std::sqrt(4 * 9.0 * 0.01 + 3 * 2 * 1e-4), 1e-12);
}

/// Share of intervals that hold the truth, 1000 studies of 256 replicates in 64 batches, the reference drawn anew in each.
double coverage(double bias, double reference_sd) {
  testing::Engine engine(29);
  constexpr int studies = 1000;
  int covered = 0;
  for (int study = 0; study < studies; ++study) {
    BatchMoments moments;
    moments.resize(64, 3, 2);
    std::vector<double> shift(3);
    for (double& value : shift) value = bias - reference_sd * testing::normal(engine);
    for (int i = 0; i < 256; ++i) {
      std::vector<double> g(3);
      for (std::size_t p = 0; p < 3; ++p) g[p] = shift[p] + testing::normal(engine);
      testing::add(moments, i / 4, blocks, g);
    }
    const Estimate e = bias_square_estimate(statistics_of(moments, point(reference_sd)));
    covered += e.lower <= 3 * bias * bias && 3 * bias * bias <= e.upper ? 1 : 0;
  }
  return static_cast<double>(covered) / studies;
}

// Binomial errors of 1000 studies: 0.7 %; the limits are 3.6 of them away from 95 %: a false alarm in 3000.
TEST(SquareError, IntervalsOfSquaredBiasCover) {
  EXPECT_NEAR(coverage(0.5, 0.0), 0.95, 0.025);
  EXPECT_NEAR(coverage(0.5, 0.1), 0.95, 0.025);
  // Near zero bias the jackknife of a degenerate statistic errs on the safe side.
  EXPECT_GE(coverage(0.0, 0.0), 0.925);
}

// The broken twin: a reference whose error is not declared.
TEST(SquareError, AnUndeclaredErrorOfTheReferenceIsSeen) {
  testing::Engine engine(31);
  int covered = 0;
  for (int study = 0; study < 300; ++study) {
    BatchMoments moments;
    moments.resize(64, 3, 2);
    const double shift = 0.5 - 0.1 * testing::normal(engine);
    for (int i = 0; i < 256; ++i) {
      std::vector<double> g(3);
      for (double& value : g) value = shift + testing::normal(engine);
      testing::add(moments, i / 4, blocks, g);
    }
    const Estimate e = bias_square_estimate(statistics_of(moments, point(0.0)));
    covered += e.lower <= 0.75 && 0.75 <= e.upper ? 1 : 0;
  }
  EXPECT_LT(covered, 240);  // 80 %
}

}  // namespace
}  // namespace variscope::diagnostics
