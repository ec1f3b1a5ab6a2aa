/// Score-function estimators: what constants of the density do to them, accuracy far from zero, and who they refuse.
#include "engine/estimators/score_function.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/models/gaussian.hpp"
#include "tests/engine/estimators/call.hpp"

namespace variscope::estimators {
namespace {

const std::vector<double> kLambda = {0.5, -0.25, 0.1, -0.6};

/// What `estimator` makes of given values of the density in place of a model's. M = values.
std::vector<double> estimate_of(const Estimator& estimator, const std::vector<double>& values, std::uint32_t task, Index block) {
  const models::Gaussian unused({1, 0, 0, 1}, {0.0});
  const families::MeanFieldGaussian q(kLambda);
  test::Call call(estimator, {&q, &unused, Objective::expectation, static_cast<Index>(values.size())}, 1, task);
  for (std::size_t s = 0; s < values.size(); ++s) call.densities()[0](0, static_cast<Index>(s)) = values[s];
  return test::estimate(estimator, call, 0, block);
}

/// f on a grid of 2^-20, so that adding 1e8 is exact.
std::vector<double> grid_values(Index count, double shift) {
  const tiles::Batch normals = test::random_batch(1, count, 3.0, 90);
  std::vector<double> values;
  for (Index s = 0; s < count; ++s) values.push_back(std::round(normals(0, s) * 0x1p20) * 0x1p-20 + shift);
  return values;
}

TEST(ScoreFunction, LeaveOneOutForgetsAShiftOfTheDensity) {
  // Rounding of a mean near 1e8 is 2^-27 = 7e-9 a step; the scores are of order one. A sum of f h that is corrected at the end
  // has the same order of error per sample and no merge to test; here no block size may lose more.
  const auto loo = score_function_leave_one_out_entry().make();
  const Index samples = 100;
  const auto plain = estimate_of(*loo, grid_values(samples, 0.0), 91, 8);
  for (const Index block : {1, 3, 5, 8}) {
    const auto shifted = estimate_of(*loo, grid_values(samples, 1e8), 91, block);
    for (std::size_t p = 0; p < 4; ++p) EXPECT_NEAR(shifted[p], plain[p], 5e-8) << "blocks of " << block << ", parameter " << p;
  }
}

TEST(ScoreFunction, RawKeepsAShiftOfTheDensity) {
  // Raw: the shift times the mean score. This is why its variance depends on the density's constant.
  const auto raw = score_function_raw_entry().make();
  const auto score = estimate_of(*raw, std::vector<double>(16, 1.0), 92, 8);
  const auto plain = estimate_of(*raw, grid_values(16, 0.0), 92, 8);
  const auto shifted = estimate_of(*raw, grid_values(16, 1e4), 92, 8);
  for (std::size_t p = 0; p < 4; ++p) {
    EXPECT_NEAR(shifted[p] - plain[p], 1e4 * score[p], 1e-9);
    EXPECT_GT(std::abs(score[p]), 1e-3);
  }
}

TEST(ScoreFunction, LeaveOneOutOfAConstantIsZero) {
  const auto loo = score_function_leave_one_out_entry().make();
  for (const Index block : {1, 5, 8}) {
    for (const double g : estimate_of(*loo, std::vector<double>(24, 12.5), 93, block)) EXPECT_EQ(g, 0.0);
  }
}

TEST(ScoreFunction, ZeroVarianceAtTheTargetWithTheBaseline) {
  // q = p: l - log q is a constant, which the baseline removes and the raw estimator multiplies by the score.
  const models::Gaussian target({4, 0, 0, 0.25}, {0.5, -2.0});
  const std::vector<double> lambda{0.5, -2.0, std::log(0.5), std::log(2.0)};
  for (const char* name : {"sf_raw", "sf_loo"}) {
    const auto estimator = find(name)->make();
    const families::MeanFieldGaussian q(lambda);
    const test::Call call(*estimator, {&q, &target, Objective::elbo, 64}, 1, 94);
    double largest = 0;
    for (const double g : test::estimate(*estimator, call)) largest = std::max(largest, std::abs(g));
    if (std::string(name) == "sf_loo") {
      EXPECT_LT(largest, 1e-13);
    } else {
      EXPECT_GT(largest, 1e-3);
    }
  }
}

TEST(ScoreFunction, MergesOfTheBaselineAreNoPlainSums) {
  EXPECT_TRUE(find("sf_raw")->make()->plain_sum());
  EXPECT_FALSE(find("sf_loo")->make()->plain_sum());
}

TEST(ScoreFunction, NumbersOfSamples) {
  EXPECT_FALSE(find("sf_raw")->bad_samples(1));
  EXPECT_NE(find("sf_loo")->bad_samples(1).value_or("").find("at least 2"), std::string::npos);
  EXPECT_FALSE(find("sf_loo")->bad_samples(2));
}

}  // namespace
}  // namespace variscope::estimators
