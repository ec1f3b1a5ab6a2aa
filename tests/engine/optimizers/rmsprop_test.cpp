/// RMSProp against its recursion written out.
#include "engine/optimizers/rmsprop.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/engine/optimizers/drive.hpp"

namespace variscope {
namespace {

TEST(RmsProp, ThreeStepsOfTheLecture) {
  const double gradients[] = {1.0, -2.5, 0.75};
  const auto rmsprop = test::make_optimizer("rmsprop", {{"step_size", 0.05}, {"decay", 0.5}, {"memory", 0.75}, {"epsilon", 0.125}});
  test::Fit fit = test::start_fit(*rmsprop, {0.2});
  long double theta = 0.2;
  long double square = 0;
  for (int t = 0; t < 3; ++t) {
    test::drive(*rmsprop, fit, 1, [&](Index step, const auto&) { return std::vector<double>{gradients[step]}; });
    square = 0.75L * square + 0.25L * gradients[t] * gradients[t];
    theta += 0.05L * std::pow(0.5L, t) * gradients[t] / (std::sqrt(square) + 0.125L);
    EXPECT_NEAR(fit.lambda[0], static_cast<double>(theta), 1e-15);
  }
}

TEST(RmsProp, FirstStepIsLongerByTheRootOfOneMinusMemory) {
  const auto rmsprop = test::make_optimizer("rmsprop", {{"step_size", 0.1}, {"memory", 0.99}});
  test::Fit fit = test::start_fit(*rmsprop, {0.0, 0.0});
  test::drive(*rmsprop, fit, 1, [](Index, const auto&) { return std::vector<double>{-3.0, 700.0}; });
  EXPECT_NEAR(fit.lambda[0], -1.0, 1e-6);
  EXPECT_NEAR(fit.lambda[1], 1.0, 1e-6);
}

}  // namespace
}  // namespace variscope
