/// The fixed-sample objective: gradient by differences, its maximum and linear response on normal targets in closed form.
#include "engine/approximations/fixed_sample.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/models/banana.hpp"
#include "engine/models/gaussian.hpp"

namespace variscope::approximations {
namespace {

TEST(FixedSample, GradientIsThatOfItsValue) {
  const models::Banana banana(3.0, 0.1);
  const Density density = density_of(banana);
  const FixedSample objective(density, 11, 5);
  std::vector<double> lambda{0.3, -0.4, 0.2, -0.6};
  std::vector<double> gradient(4);
  std::vector<double> unused(4);
  objective.value_and_gradient(lambda, gradient);
  for (std::size_t p = 0; p < 4; ++p) {
    const double x = lambda[p];
    lambda[p] = x + 1e-5;
    const double above = objective.value_and_gradient(lambda, unused);
    lambda[p] = x - 1e-5;
    const double below = objective.value_and_gradient(lambda, unused);
    lambda[p] = x;
    EXPECT_NEAR(gradient[p], (above - below) / 2e-5, 1e-8) << p;
  }
}

/// Draws of mean e and mean square deviation v: m + s e = a, s^2 v h = 1; and minus the Hessian's inverse has (1 + e^2 / (2 v)) / h for m.
TEST(FixedSample, MaximumAndLinearResponseOnANormalTargetInClosedForm) {
  const double h = 4.0;
  const double a = -1.5;
  const models::Gaussian target({h}, {a});
  const Density density = density_of(target);
  tiles::Batch noise(1, 5);
  const double draws[] = {0.3, -1.2, 0.8, 2.0, -0.4};
  double e = 0;
  for (Index j = 0; j < 5; ++j) e += (noise(0, j) = draws[j]) / 5;
  double v = 0;
  for (const double draw : draws) v += (draw - e) * (draw - e) / 5;
  const FixedSample objective(density, std::move(noise));
  const auto found = objective.maximise({0.0, 0.0});
  const double s = 1 / std::sqrt(h * v);
  EXPECT_NEAR(found.lambda[0], a - s * e, 1e-8);
  EXPECT_NEAR(found.lambda[1], std::log(s), 1e-8);
  EXPECT_NEAR(objective.maximise({0.0, 0.0}, 2000, optimizers::Search::truncated_newton).lambda[1], std::log(s), 1e-8);
  EXPECT_NEAR(found.value, -0.5 + std::log(s) + 0.5 * (1 + std::log(2 * std::numbers::pi)), 1e-10);
  EXPECT_NEAR(objective.linear_response(found.lambda)(0, 0), (1 + e * e / (2 * v)) / h, 1e-7);
}

/// What mean-field misses, linear response has: the covariance of a correlated normal target, up to the draws.
TEST(FixedSample, LinearResponseFindsCorrelations) {
  const models::Gaussian target({2.0, 1.2, 1.2, 1.0}, {0.5, 1.0});
  const Density density = density_of(target);
  const FixedSample objective(density, 2000, 6);
  const auto found = objective.maximise({0.0, 0.0, 0.0, 0.0});
  const double determinant = 2.0 - 1.44;
  const double truth[] = {1.0 / determinant, -1.2 / determinant, -1.2 / determinant, 2.0 / determinant};
  const auto response = objective.linear_response(found.lambda);
  for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(response.values[k] / truth[k], 1, 0.05) << k;
  EXPECT_LT(std::exp(2 * found.lambda[2]), 0.35 * truth[0]);  // the mean-field variance itself: 1 / H_11
}

/// Over 200 seeds, the maximum lies about the exact one as its sampling error says.
TEST(FixedSample, SamplingErrorIsTheSpreadOverSeeds) {
  const models::Gaussian target({2.0, 1.2, 1.2, 1.0}, {0.5, 1.0});
  const Density density = density_of(target);
  const double exact[] = {0.5, 1.0, -0.5 * std::log(2.0), 0.0};
  double square[4] = {};
  const int repeats = 200;
  for (int k = 0; k < repeats; ++k) {
    const FixedSample objective(density, 100, static_cast<std::uint64_t>(k + 1));
    const auto found = objective.maximise({0.5, 1.0, 0.0, 0.0});
    const auto error = objective.sampling_error(found.lambda);
    for (std::size_t p = 0; p < 4; ++p) square[p] += std::pow((found.lambda[p] - exact[p]) / error[p], 2) / repeats;
  }
  // Mean squares of 200 z-scores: standard error 0.1; 4.5 of them (false alarms 7e-6 each) and 1/M for the estimated error.
  for (const double z : square) EXPECT_NEAR(z, 1, 0.47);
}

TEST(FixedSample, SaysWhereItHasNoCurvature) {
  Density flat;
  flat.dim = 1;
  flat.evaluate = [](ConstBatchView theta, const models::Wanted&, ConstBatchView, BatchView out) {
    for (Index s = 0; s < theta.count; ++s) out(0, s) = out(1, s) = 0;
  };
  const FixedSample objective(flat, 4, 1);
  EXPECT_EQ(objective.linear_response(std::vector<double>{0.0, 0.0}).rows, 0);
  EXPECT_TRUE(std::isnan(objective.sampling_error(std::vector<double>{0.0, 0.0})[0]));
}

}  // namespace
}  // namespace variscope::approximations
