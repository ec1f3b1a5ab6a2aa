/// Do 95 % intervals cover 92-98 %, or are they marked? Simulated with fixed seeds for every kind of gradient the tables meet.
///
/// Each share below carries its Monte Carlo error: 0.7 % for 1000 repetitions, 0.8 % for 800, 1.5 % for 200. The limits 92 and 98 % are
/// widened by two of them.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "engine/diagnostics/variance.hpp"
#include "tests/engine/diagnostics/samples.hpp"

namespace variscope::diagnostics {
namespace {

using testing::Draw;

constexpr Index dim = 10;
const std::vector<Block> one_block = {{"all", {0, dim}}};
const std::vector<double> no_floor(dim, 0.0);

struct Sizes {
  Index replicates;
  Index batches;
  int repetitions;
};
constexpr Sizes sizes[] = {{1024, 128, 800}, {4096, 256, 200}, {256, 32, 1000}};

/// Shares of all repetitions.
struct Shares {
  double covered = 0;  ///< interval contains the truth, marked or not
  double marked = 0;
  double misleading = 0;  ///< unmarked, and the truth is outside
};

class Tally {
 public:
  void add(const Estimate& estimate, double truth) {
    const bool covered = estimate.lower <= truth && truth <= estimate.upper;
    covered_ += covered ? 1 : 0;
    marked_ += estimate.reliable() ? 0 : 1;
    misleading_ += estimate.reliable() && !covered ? 1 : 0;
    total_ += 1;
  }
  [[nodiscard]] Shares shares() const { return {covered_ / total_, marked_ / total_, misleading_ / total_}; }
  [[nodiscard]] double error() const { return std::sqrt(0.05 * 0.95 / total_); }
  /// Share of the unmarked intervals that contain the truth, and its Monte Carlo error: what a reader of unmarked intervals meets.
  [[nodiscard]] double unmarked_covered() const { return 1 - misleading_ / (total_ - marked_); }
  [[nodiscard]] double unmarked_error() const { return std::sqrt(0.06 * 0.94 / (total_ - marked_)); }

 private:
  double covered_ = 0, marked_ = 0, misleading_ = 0, total_ = 0;
};

Tally trace_coverage(const Draw& draw, double truth, const Sizes& size, std::uint64_t seed) {
  testing::Engine engine(seed);
  Tally tally;
  for (int k = 0; k < size.repetitions; ++k) {
    const BatchMoments moments = testing::gather(engine, draw, dim, one_block, size.replicates, size.batches);
    const VarianceStatistics s = variance_statistics(moments, one_block, no_floor, {});
    tally.add(jackknife(s.total, s.count), truth);
  }
  return tally;
}

/// Light tails: intervals cover, and are rarely marked where there are batches enough.
void expect_trustworthy(const Draw& draw, double truth, const char* name) {
  std::uint64_t seed = 101;
  for (const Sizes& size : sizes) {
    const Tally tally = trace_coverage(draw, truth, size, seed++);
    const Shares s = tally.shares();
    SCOPED_TRACE(std::string(name) + ", batches " + std::to_string(size.batches));
    EXPECT_GE(s.covered, 0.92 - 2 * tally.error());
    EXPECT_LE(s.covered, 0.98 + 2 * tally.error());
    EXPECT_LE(s.misleading, 0.08 + 2 * tally.error());
    EXPECT_LE(s.marked, size.batches >= 128 ? 0.05 : 0.45);
  }
}

/// Heavy tails: an unmarked interval that misses is as rare as where all is well.
void expect_marked_or_covering(const Draw& draw, double least_marked, const char* name) {
  std::uint64_t seed = 201;
  for (const Sizes& size : sizes) {
    const Tally tally = trace_coverage(draw, dim, size, seed++);
    SCOPED_TRACE(std::string(name) + ", batches " + std::to_string(size.batches));
    EXPECT_LE(tally.shares().misleading, 0.08 + 2 * tally.error());
    EXPECT_GE(tally.shares().marked, least_marked);
  }
}

TEST(Coverage, Gaussian) { expect_trustworthy(testing::gaussian(), dim, "gaussian"); }
TEST(Coverage, Equicorrelated) { expect_trustworthy(testing::equicorrelated(0.9), dim, "equicorrelated 0.9"); }
TEST(Coverage, Autoregressive) { expect_trustworthy(testing::autoregressive(0.95), dim, "autoregressive 0.95"); }

TEST(Coverage, StudentThreeTogether) { expect_marked_or_covering(testing::student(3, true), 0.90, "t 3 together"); }
TEST(Coverage, StudentThreeApart) { expect_marked_or_covering(testing::student(3, false), 0.80, "t 3 apart"); }
TEST(Coverage, StudentFiveTogether) { expect_marked_or_covering(testing::student(5, true), 0.30, "t 5 together"); }
TEST(Coverage, StudentFiveApart) { expect_marked_or_covering(testing::student(5, false), 0.0, "t 5 apart"); }
TEST(Coverage, LogNormalWeights) {
  expect_marked_or_covering(testing::log_normal_weighted(1.0), 0.95, "log-normal 1");
  expect_marked_or_covering(testing::log_normal_weighted(0.5), 0.0, "log-normal 0.5");
}

// What a reader of unmarked intervals meets: the mark hangs on the same draws as the estimate, so that samples without it have too few
// extremes. Intervals that are not lengthened on the skewed side cover 87-90 % of these (256 replicates).
TEST(Coverage, UnmarkedIntervalsOfPathwiseGradientsCover) {
  for (const bool pairs : {false, true}) {
    const double truth = testing::log_scale_gradient_trace(4, pairs, dim);
    std::uint64_t seed = 801;
    for (const Sizes& size : sizes) {
      const Tally tally = trace_coverage(testing::log_scale_gradient(4, pairs), truth, size, seed++);
      SCOPED_TRACE(std::string(pairs ? "pairs" : "single") + ", batches " + std::to_string(size.batches));
      EXPECT_GE(tally.unmarked_covered(), 0.92 - 2 * tally.unmarked_error());
      EXPECT_GE(tally.shares().covered, 0.92 - 2 * tally.error());
      EXPECT_LE(tally.shares().covered, 0.98 + 2 * tally.error());
    }
  }
}

TEST(Coverage, ScoreFunction) {
  const double variance = (15 + 6 * (dim - 1) + (dim * dim - 1)) / 4.0;
  const Tally tally = trace_coverage(testing::score_function(), dim * variance, sizes[0], 301);
  EXPECT_GE(tally.shares().covered, 0.92 - 2 * tally.error());
  EXPECT_LE(tally.shares().misleading, 0.08 + 2 * tally.error());
}

TEST(Coverage, UnequalBatches) {
  testing::Engine engine(401);
  const Draw draw = testing::equicorrelated(0.9);
  Tally tally;
  std::vector<double> g(dim);
  for (int k = 0; k < 1000; ++k) {
    BatchMoments moments;
    moments.resize(128, dim, 1);
    for (Index b = 0; b < 128; ++b) {
      for (Index i = 0; i < (b % 4 == 0 ? 20 : 4); ++i) {
        draw(engine, g);
        testing::add(moments, b, one_block, g);
      }
    }
    const VarianceStatistics s = variance_statistics(moments, one_block, no_floor, {});
    tally.add(jackknife(s.total, s.count), dim);
  }
  EXPECT_NEAR(tally.shares().covered, 0.95, 0.03 + 2 * tally.error());
}

/// Ratio of two estimators on common random numbers: the second is the first times `weight` plus a little of its own.
Tally ratio_coverage(const Draw& draw, double own, const Sizes& size, std::uint64_t seed) {
  testing::Engine engine(seed);
  Tally tally;
  std::vector<double> first(dim);
  std::vector<double> second(dim);
  for (int k = 0; k < size.repetitions; ++k) {
    BatchMoments a;
    BatchMoments b;
    a.resize(size.batches, dim, 1);
    b.resize(size.batches, dim, 1);
    for (Index i = 0; i < size.replicates; ++i) {
      draw(engine, first);
      for (std::size_t p = 0; p < dim; ++p) {
        second[p] = 1.2 * first[p] + own * testing::normal(engine);
      }
      testing::add(a, i * size.batches / size.replicates, one_block, first);
      testing::add(b, i * size.batches / size.replicates, one_block, second);
    }
    const VarianceStatistics sa = variance_statistics(a, one_block, no_floor, {});
    const VarianceStatistics sb = variance_statistics(b, one_block, no_floor, {});
    tally.add(jackknife_ratio(sb.total, sa.total, sa.count), 1.44 + own * own);
  }
  return tally;
}

TEST(Coverage, RatioOfStronglyDependentEstimators) {
  for (const double own : {0.05, 0.5}) {
    for (const Sizes& size : {sizes[0], sizes[2]}) {
      const Tally tally = ratio_coverage(testing::equicorrelated(0.9), own, size, 501);
      SCOPED_TRACE("own " + std::to_string(own) + ", batches " + std::to_string(size.batches));
      EXPECT_GE(tally.shares().covered, 0.92 - 2 * tally.error());
      EXPECT_LE(tally.shares().covered, 0.98 + 2 * tally.error());
      const Tally heavy = ratio_coverage(testing::student(3, true), own, size, 502);
      EXPECT_LE(heavy.shares().misleading, 0.08 + 2 * heavy.error());
    }
  }
}

/// Variances 1 apart from the first coordinate's.
Tally maximum_coverage(const Draw& base, double largest, const Sizes& size, std::uint64_t seed) {
  testing::Engine engine(seed);
  Tally tally;
  const Draw draw = [&](testing::Engine& e, std::span<double> g) {
    base(e, g);
    g[0] *= std::sqrt(largest);
  };
  for (int k = 0; k < size.repetitions; ++k) {
    const BatchMoments moments = testing::gather(engine, draw, dim, one_block, size.replicates, size.batches);
    const VarianceStatistics s = variance_statistics(moments, one_block, no_floor, {});
    tally.add(jackknife(s.total_maximum, s.count), largest);
  }
  return tally;
}

TEST(Coverage, MaximumIsMarkedWhereCoordinatesCompete) {
  const Tally equal = maximum_coverage(testing::gaussian(), 1.0, sizes[0], 601);
  EXPECT_LE(equal.shares().covered, 0.90);  // the largest of ten equal variances is too high
  EXPECT_GE(equal.shares().marked, 0.98);
  for (const double largest : {1.1, 1.2, 1.4}) {
    const Tally close = maximum_coverage(testing::gaussian(), largest, sizes[0], 602);
    EXPECT_LE(close.shares().misleading, 0.08 + 2 * close.error()) << largest;
  }
  const Tally clear = maximum_coverage(testing::gaussian(), 2.0, sizes[0], 603);
  EXPECT_NEAR(clear.shares().covered, 0.95, 0.03 + 2 * clear.error());
  EXPECT_LE(clear.shares().marked, 0.10);
}

/// The broken twin: variances of the coordinates' variances added up as if the coordinates were independent.
double share_covered_ignoring_correlation(const Draw& draw, std::uint64_t seed) {
  testing::Engine engine(seed);
  constexpr int repetitions = 400;
  constexpr Index n = 1024;
  double covered = 0;
  std::vector<double> g(dim);
  for (int k = 0; k < repetitions; ++k) {
    std::vector<double> second(dim, 0.0);
    std::vector<double> fourth(dim, 0.0);
    for (Index i = 0; i < n; ++i) {
      draw(engine, g);
      for (std::size_t p = 0; p < dim; ++p) {
        second[p] += g[p] * g[p] / n;
        fourth[p] += g[p] * g[p] * g[p] * g[p] / n;
      }
    }
    double trace = 0;
    double square = 0;
    for (std::size_t p = 0; p < dim; ++p) {
      trace += second[p];
      square += (fourth[p] - second[p] * second[p]) / n;
    }
    covered += std::abs(std::log(trace / dim)) < 1.96 * std::sqrt(square) / trace ? 1 : 0;
  }
  return covered / repetitions;
}

TEST(Coverage, FourMomentsPerCoordinateFailWhereCoordinatesAreCorrelated) {
  EXPECT_NEAR(share_covered_ignoring_correlation(testing::gaussian(), 701), 0.95, 0.04);  // right where they are not
  EXPECT_LT(share_covered_ignoring_correlation(testing::equicorrelated(0.9), 702), 0.80);
  EXPECT_LT(share_covered_ignoring_correlation(testing::autoregressive(0.95), 703), 0.80);
}

}  // namespace
}  // namespace variscope::diagnostics
