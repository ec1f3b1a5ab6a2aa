/// Variances on scrambled nets against strata by hand, independent samples, and pairs that share no digit.
#include "engine/oracles/scrambled_net.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/models/gaussian.hpp"
#include "engine/oracles/truth.hpp"
#include "tests/engine/oracles/small_models.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;

models::Gaussian standard(Index dim) {
  std::vector<double> precision(static_cast<std::size_t>(dim * dim), 0.0);
  for (Index d = 0; d < dim; ++d) precision[static_cast<std::size_t>(d * dim + d)] = 1;
  return models::Gaussian(precision, std::vector<double>(static_cast<std::size_t>(dim), 0.0));
}

TEST(ScrambledNet, OneSampleIsAnIndependentOne) {
  const std::vector<double> lambda = {0.4, -0.3, std::log(0.7), std::log(1.2)};
  const models::Gaussian target = standard(2);
  const auto net = scrambled_net_truth(target, mean_field(lambda), Objective::elbo, 1);
  const auto plain = truth("pw_cfe", target, lambda, Objective::elbo, 1);
  ASSERT_TRUE(net && plain);
  for (std::size_t p = 0; p < lambda.size(); ++p) {
    EXPECT_NEAR(net->mean[p], plain->mean[p], 1e-10);
    EXPECT_NEAR(net->variance[p], plain->variance[p], 1e-10);
  }
}

TEST(ScrambledNet, InOneDimensionItIsOneUniformInEachInterval) {
  // g = -z, z standard normal. Two halves: half normals of variance 1 - 2 / pi each.
  const std::vector<double> lambda = {0, 0};
  const auto two = scrambled_net_truth(standard(1), mean_field(lambda), Objective::expectation, 2);
  ASSERT_TRUE(two);
  EXPECT_NEAR(two->variance[0], (1 - 2 / std::numbers::pi) / 2, 1e-10);
  // Four quarters: of variance 1 + (a phi(a) - b phi(b)) / P - ((phi(a) - phi(b)) / P)^2 on (a, b), P = 1 / 4.
  const double a = 0.67448975019608171;
  const double density = std::exp(-a * a / 2) / std::sqrt(2 * std::numbers::pi);
  const double zero = 1 / std::sqrt(2 * std::numbers::pi);
  const double inner = 1 - 4 * a * density - 16 * (zero - density) * (zero - density);
  const double outer = 1 + 4 * a * density - 16 * density * density;
  const auto four = scrambled_net_truth(standard(1), mean_field(lambda), Objective::expectation, 4);
  ASSERT_TRUE(four);
  EXPECT_NEAR(four->variance[0], (2 * inner + 2 * outer) / 16, 1e-10);
}

TEST(ScrambledNet, OfTwoPointsEachCoordinateLiesInAHalfOfItsOwn) {
  // g_L21 = -(z_2 eps_1) = -eps_1 eps_2 at L = I: the points lie in opposite halves of both coordinates, so that products of signs agree:
  // E[g g'] = (2 / pi)^2 and Var = (1 + (2 / pi)^2) / 2, worse than independent points.
  const std::vector<double> lambda = {0, 0, 0, 0, 0};
  const auto two = scrambled_net_truth(standard(2), full_rank(2, lambda, FactorLayout::log_diagonal), Objective::expectation, 2);
  ASSERT_TRUE(two);
  EXPECT_NEAR(two->variance[4], (1 + 4 / (std::numbers::pi * std::numbers::pi)) / 2, 1e-10);
}

TEST(ScrambledNet, IsAbsentWhereItCannotBeComputed) {
  const std::vector<double> four(8, 0.0);
  EXPECT_FALSE(scrambled_net_truth(standard(4), mean_field(four), Objective::elbo, 4));
  const std::vector<double> two(4, 0.0);
  EXPECT_FALSE(scrambled_net_truth(standard(2), mean_field(two), Objective::elbo, 128));
  EXPECT_FALSE(scrambled_net_truth(standard(2), mean_field(two), Objective::elbo, 0));
}

}  // namespace
}  // namespace variscope::oracles
