/// Combinations of normal posteriors, whose moments are closed forms, and the errors that they are given.
#include "experiments/run/combine.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/random/stream.hpp"

namespace variscope::experiments {
namespace {

constexpr Index kShards = 4;
constexpr Index kDraws = 2000;
constexpr Index kDim = 3;

/// Independent draws from normals of precision 1 + d + m in coordinate d of shard m, about 0.1 (m - d).
double precision(Index m, Index d) { return 1 + static_cast<double>(d + m); }
double centre(Index m, Index d) { return 0.1 * static_cast<double>(m - d); }

std::vector<ChainPositions> shards(std::uint32_t repetition) {
  std::vector<ChainPositions> all;
  for (Index m = 0; m < kShards; ++m) {
    ChainPositions shard{4, dense::Matrix(kDraws, kDim)};
    for (Index i = 0; i < kDraws; ++i) {
      for (Index d = 0; d < kDim; ++d) {
        const random::Stream stream{17, random::Purpose::testing, repetition * 8 + static_cast<std::uint32_t>(m),
                                    static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(d)};
        shard.draws(i, d) = centre(m, d) + random::normal(stream, 0) / std::sqrt(precision(m, d));
      }
    }
    all.push_back(std::move(shard));
  }
  return all;
}

struct Exact {
  double mean = 0;
  double sd = 0;
};
/// Of the product.
Exact exact(Index d) {
  double sum = 0;
  double weighted = 0;
  for (Index m = 0; m < kShards; ++m) {
    sum += precision(m, d);
    weighted += precision(m, d) * centre(m, d);
  }
  return {weighted / sum, 1 / std::sqrt(sum)};
}

double figure(const CombinedRecord& record, Index d, const char* name) {
  return record.coordinate(static_cast<std::size_t>(d), place_of(combined_figures, name));
}

// Errors of both combiners, over 12 repetitions of 3 coordinates: z-scores have root mean square 1. Student's t with 7 degrees of freedom
// has variance 1.4, and the mean of 36 squares of it a standard error of about 0.5: beyond [0.3, 5] about once in 10^4.
TEST(CombineShards, ErrorsAreThoseOfNormalPosteriors) {
  for (const char* name : {"consensus", "parametric"}) {
    double mean_squares = 0;
    double sd_squares = 0;
    constexpr std::uint32_t kRepetitions = 12;
    for (std::uint32_t r = 0; r < kRepetitions; ++r) {
      combiners::Arguments arguments;
      arguments.task = r;
      const CombinedRecord found = combine_shards(*combiners::find(name), shards(r), kDraws, arguments);
      for (Index d = 0; d < kDim; ++d) {
        mean_squares += std::pow((figure(found, d, "mean") - exact(d).mean) / figure(found, d, "mean_error"), 2);
        sd_squares += std::pow((figure(found, d, "sd") - exact(d).sd) / figure(found, d, "sd_error"), 2);
        EXPECT_LT(figure(found, d, "mean_error"), 0.1 * exact(d).sd);
      }
    }
    const double count = static_cast<double>(kRepetitions * kDim);
    EXPECT_GT(mean_squares / count, 0.3) << name;
    EXPECT_LT(mean_squares / count, 5) << name;
    EXPECT_GT(sd_squares / count, 0.3) << name;
    EXPECT_LT(sd_squares / count, 5) << name;
  }
}

// Shards whose priors were not divided: the product has the prior four times over, and is as far off as that says.
TEST(CombineShards, SeesAProductThatIsNotThePosterior) {
  std::vector<ChainPositions> wrong = shards(0);
  for (ChainPositions& shard : wrong) {
    for (double& x : shard.draws.values) x = 0.9 * x + 0.05;
  }
  const CombinedRecord found = combine_shards(*combiners::find("consensus"), wrong, kDraws, {});
  EXPECT_GT(std::abs(figure(found, 0, "sd") - exact(0).sd), 5 * figure(found, 0, "sd_error"));
}

TEST(CombineShards, FullPosteriorAndFailedShards) {
  auto some = shards(0);
  CombinedRecord found = combine_shards(*combiners::find("consensus"), some, kDraws, {});
  EXPECT_TRUE(std::isnan(figure(found, 0, "full_mean")));
  ChainPositions full = some[0];
  add_full_posterior(full, found);
  for (Index d = 0; d < kDim; ++d) {
    EXPECT_NEAR(figure(found, d, "full_mean"), centre(0, d), 5 * figure(found, d, "full_mean_error"));
    EXPECT_NEAR(figure(found, d, "full_mean_error"), 1 / std::sqrt(precision(0, d) * static_cast<double>(kDraws)), 0.01);
    EXPECT_NEAR(figure(found, d, "full_sd"), 1 / std::sqrt(precision(0, d)), 5 * figure(found, d, "full_sd_error"));
  }
  some[2] = {0, dense::Matrix(0, kDim)};
  const CombinedRecord none = combine_shards(*combiners::find("consensus"), some, kDraws, {});
  EXPECT_TRUE(std::isnan(figure(none, 0, "mean")));
}

// Combiners that are chains say what they accepted and whether they mixed; draws are thinned to what was asked.
TEST(CombineShards, KernelCombinersAreDiagnosed) {
  const CombinedRecord found = combine_shards(*combiners::find("semiparametric"), shards(1), 400, {});
  const auto of = [&](const char* name) { return found.figures[place_of(combination_figures, name)]; };
  EXPECT_EQ(of("draws"), 400);
  EXPECT_GT(of("acceptance"), 0);
  EXPECT_LT(of("acceptance"), 1);
  EXPECT_GT(of("rhat"), 0.9);
  EXPECT_EQ(of("joint"), 1);
  const CombinedRecord marginals = combine_shards(*combiners::find("wasp_marginals"), shards(1), 400, {});
  EXPECT_EQ(marginals.figures[place_of(combination_figures, "joint")], 0);
  EXPECT_TRUE(std::isnan(marginals.figures[place_of(combination_figures, "rhat")]));
}

}  // namespace
}  // namespace variscope::experiments
