/// ADVI's step size against the paper's equations written out.
#include "engine/optimizers/advi_adaptive.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/engine/optimizers/drive.hpp"

namespace variscope {
namespace {

TEST(AdviAdaptive, FourStepsOfThePapersEquations) {
  const double gradients[] = {1.0, -2.5, 0.75, 40.0};
  const auto advi = test::make_optimizer("advi_adaptive", {{"step_size", 0.5}});
  test::Fit fit = test::start_fit(*advi, {0.2});
  long double theta = 0.2;
  long double s = 0;
  for (int k = 1; k <= 4; ++k) {
    const long double g = gradients[k - 1];
    test::drive(*advi, fit, 1, [&](Index step, const auto&) { return std::vector<double>{gradients[step]}; });
    s = k == 1 ? g * g : 0.1L * g * g + 0.9L * s;
    theta += 0.5L * std::pow(static_cast<long double>(k), -0.5L + 1e-16L) / (1 + std::sqrt(s)) * g;
    EXPECT_NEAR(fit.lambda[0], static_cast<double>(theta), 1e-14);
  }
}

TEST(AdviAdaptive, SquaresStartWithTheFirstGradientThatIsANumber) {
  const auto advi = test::make_optimizer("advi_adaptive", {{"step_size", 1}});
  test::Fit fit = test::start_fit(*advi, {0.0});
  test::drive(*advi, fit, 3, [](Index, const auto&) { return std::vector<double>{std::nan("")}; });
  test::drive(*advi, fit, 1, [](Index, const auto&) { return std::vector<double>{3.0}; });
  // Step number 4: 1 / sqrt(4) times 3 / (1 + 3).
  EXPECT_NEAR(fit.lambda[0], 0.375, 1e-15);
}

TEST(AdviAdaptive, HasThePapersGrid) {
  EXPECT_EQ(optimizers::find("advi_adaptive")->step_sizes, (std::vector<double>{100, 10, 1, 0.1, 0.01}));
}

}  // namespace
}  // namespace variscope
