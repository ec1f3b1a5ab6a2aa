/// Score-function estimators: what constants of the density do to them, accuracy far from zero, and who they refuse.
#include "engine/estimators/score_function.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/models/gaussian.hpp"
#include "tests/engine/estimators/call.hpp"

namespace variscope::estimators {
namespace {

const std::vector<double> kLambda = {0.5, -0.25, 0.1, -0.6};

/// f on a grid of 2^-20, so that adding 1e8 is exact.
tiles::Batch grid_values(Index count, double shift) {
  tiles::Batch values = test::random_batch(1, count, 3.0, 90);
  for (Index s = 0; s < count; ++s) values(0, s) = std::round(values(0, s) * 0x1p20) * 0x1p-20 + shift;
  return values;
}

TEST(ScoreFunction, LeaveOneOutForgetsAShiftOfTheDensity) {
  // Rounding of a mean near 1e8 is 2^-27 = 7e-9 a step; the scores are of order one. A sum of f h that is corrected at the end
  // has the same order of error per sample and no merge to test; here no block size may lose more.
  const auto loo = score_function_leave_one_out_entry().make();
  const models::Gaussian unused({1, 0, 0, 1}, {0.0});
  const families::MeanFieldGaussian q(kLambda);
  const Index samples = 100;
  const tiles::Batch noise = test::random_batch(2, samples, 1.0, 91);
  const Context context{&q, &unused, Objective::expectation, samples};
  const auto plain = test::estimate(*loo, context, noise.view(), grid_values(samples, 0.0).view(), 0, 8);
  for (const Index block : {1, 8, 32, 100}) {
    const auto shifted = test::estimate(*loo, context, noise.view(), grid_values(samples, 1e8).view(), 0, block);
    for (std::size_t p = 0; p < 4; ++p) EXPECT_NEAR(shifted[p], plain[p], 5e-8) << "blocks of " << block << ", parameter " << p;
  }
}

TEST(ScoreFunction, RawKeepsAShiftOfTheDensity) {
  // Raw: the shift times the mean score. This is why its variance depends on the density's constant.
  const auto raw = score_function_raw_entry().make();
  const models::Gaussian unused({1, 0, 0, 1}, {0.0});
  const families::MeanFieldGaussian q(kLambda);
  const Index samples = 16;
  const tiles::Batch noise = test::random_batch(2, samples, 1.0, 92);
  const Context context{&q, &unused, Objective::expectation, samples};
  tiles::Batch ones(1, samples);
  for (Index s = 0; s < samples; ++s) ones(0, s) = 1.0;
  const auto score = test::estimate(*raw, context, noise.view(), ones.view(), 0, 8);
  const auto plain = test::estimate(*raw, context, noise.view(), grid_values(samples, 0.0).view(), 0, 8);
  const auto shifted = test::estimate(*raw, context, noise.view(), grid_values(samples, 1e4).view(), 0, 8);
  for (std::size_t p = 0; p < 4; ++p) {
    EXPECT_NEAR(shifted[p] - plain[p], 1e4 * score[p], 1e-9);
    EXPECT_GT(std::abs(score[p]), 1e-3);
  }
}

TEST(ScoreFunction, LeaveOneOutOfAConstantIsZero) {
  const auto loo = score_function_leave_one_out_entry().make();
  const models::Gaussian unused({1, 0, 0, 1}, {0.0});
  const families::MeanFieldGaussian q(kLambda);
  const tiles::Batch noise = test::random_batch(2, 24, 1.0, 93);
  tiles::Batch constant(1, 24);
  for (Index s = 0; s < 24; ++s) constant(0, s) = 12.5;
  for (const Index block : {1, 8, 24}) {
    for (const double g : test::estimate(*loo, {&q, &unused, Objective::expectation, 24}, noise.view(), constant.view(), 0, block))
      EXPECT_EQ(g, 0.0);
  }
}

TEST(ScoreFunction, ZeroVarianceAtTheTargetWithTheBaseline) {
  // q = p: l - log q is a constant, which the baseline removes and the raw estimator multiplies by the score.
  const models::Gaussian target({4, 0, 0, 0.25}, {0.5, -2.0});
  const std::vector<double> lambda{0.5, -2.0, std::log(0.5), std::log(2.0)};
  for (const char* name : {"sf_raw", "sf_loo"}) {
    const auto estimator = find(name)->make();
    const test::Call call(*estimator, target, lambda, 64, 94);
    double largest = 0;
    for (const double g : test::estimate(*estimator, call, Objective::elbo, 64)) largest = std::max(largest, std::abs(g));
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
