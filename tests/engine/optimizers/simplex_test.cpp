/// The downhill simplex at known minima, from far away, and where there are walls.
#include "engine/optimizers/simplex.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace variscope::optimizers {
namespace {

TEST(Simplex, FindsTheMinimumOfRosenbrocksValley) {
  const auto valley = [](std::span<const double> x) { return std::pow(1 - x[0], 2) + 100 * std::pow(x[1] - x[0] * x[0], 2); };
  const SimplexMinimum minimum = minimise_by_simplex(valley, {-1.2, 1.0}, {1.0, 1.0}, 4000);
  EXPECT_TRUE(minimum.converged);
  EXPECT_LT(minimum.evaluations, 4000);
  EXPECT_NEAR(minimum.at[0], 1, 1e-6);
  EXPECT_NEAR(minimum.at[1], 1, 1e-6);
}

TEST(Simplex, GrowsToWhereTheMinimumIs) {
  const auto bowl = [](std::span<const double> x) { return std::pow(x[0] - 3e4, 2) + std::pow(x[1] + 0.5, 2); };
  const SimplexMinimum minimum = minimise_by_simplex(bowl, {0.0, 0.0}, {1.0, 1.0}, 4000);
  EXPECT_NEAR(minimum.at[0], 3e4, 1e-2);
  EXPECT_NEAR(minimum.at[1], -0.5, 1e-4);
}

TEST(Simplex, TakesWhatIsNoNumberForAWall) {
  const auto half = [](std::span<const double> x) { return x[0] <= 0 ? std::nan("") : x[0] - std::log(x[0]); };
  const SimplexMinimum minimum = minimise_by_simplex(half, {0.1}, {1.0}, 1000);
  EXPECT_NEAR(minimum.at[0], 1, 1e-5);
}

TEST(Simplex, EndsWithItsEvaluations) {
  int calls = 0;
  const auto bowl = [&](std::span<const double> x) {
    ++calls;
    return x[0] * x[0];
  };
  const SimplexMinimum minimum = minimise_by_simplex(bowl, {5.0}, {1.0}, 7);
  EXPECT_FALSE(minimum.converged);
  EXPECT_LE(calls, 7);
  EXPECT_LE(minimum.value, 25);
}

}  // namespace
}  // namespace variscope::optimizers
