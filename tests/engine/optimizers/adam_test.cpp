/// Adam against the paper's algorithm written out step by step, and the determinism of its bits.
#include "engine/optimizers/adam.hpp"

#include <gtest/gtest.h>

namespace variscope::optimizers {
namespace {

const std::vector<std::vector<double>> kGradients = {{1.0, -0.3, 1e-9}, {-2.5, -0.1, 0.0}, {0.75, 40.0, 3e-9}};

TEST(Adam, ThreeStepsOfThePapersAlgorithm) {
  // Kingma and Ba 2015, algorithm 1, from its text, for one parameter at a time; + because the objective is maximised.
  const long double alpha = 0.05L;
  std::vector<double> lambda{0.2, -1.0, 0.0};
  Adam adam(3, 0.05);
  for (const auto& gradient : kGradients) adam.step(lambda, gradient);
  const std::vector<double> start{0.2, -1.0, 0.0};
  for (std::size_t i = 0; i < 3; ++i) {
    long double theta = start[i];
    long double m = 0;
    long double v = 0;
    for (int t = 1; t <= 3; ++t) {
      const long double g = kGradients[static_cast<std::size_t>(t - 1)][i];
      m = 0.9L * m + (1 - 0.9L) * g;
      v = 0.999L * v + (1 - 0.999L) * g * g;
      const long double m_hat = m / (1 - std::pow(0.9L, t));
      const long double v_hat = v / (1 - std::pow(0.999L, t));
      theta += alpha * m_hat / (std::sqrt(v_hat) + 1e-8L);
    }
    EXPECT_NEAR(lambda[i], static_cast<double>(theta), 1e-13) << i;
  }
}

TEST(Adam, FirstStepHasTheStepSizeWhateverTheGradient) {
  std::vector<double> lambda{0.0, 0.0, 0.0};
  Adam(3, 0.1).step(lambda, std::vector<double>{1e-3, -1e6, 0.0});
  EXPECT_NEAR(lambda[0], 0.1, 1e-6);  // epsilon 1e-8 against 1e-3
  EXPECT_NEAR(lambda[1], -0.1, 1e-12);
  EXPECT_EQ(lambda[2], 0.0);
}

TEST(Adam, StepSizeMayChangeBetweenSteps) {
  std::vector<double> one{0.0};
  std::vector<double> two{0.0};
  Adam a(1, 0.1);
  Adam b(1, 0.1);
  const std::vector<double> g{2.0};
  a.step(one, g);
  b.step(two, g);
  b.set_step_size(0.05);
  const double before_one = one[0];
  const double before_two = two[0];
  a.step(one, g);
  b.step(two, g);
  EXPECT_NEAR(two[0] - before_two, 0.5 * (one[0] - before_one), 1e-15);
}

TEST(Adam, ClimbsAQuadratic) {
  std::vector<double> lambda{3.0, -4.0};
  Adam adam(2, 0.1);
  for (int t = 0; t < 4000; ++t) {
    if (t == 2000) adam.set_step_size(0.001);
    adam.step(lambda, std::vector<double>{-(lambda[0] - 1.0), -10.0 * (lambda[1] - 2.0)});
  }
  EXPECT_NEAR(lambda[0], 1.0, 1e-3);
  EXPECT_NEAR(lambda[1], 2.0, 1e-3);
}

TEST(Adam, SameGradientsSameBits) {
  const auto run = [] {
    std::vector<double> lambda{0.1, 0.2, 0.3};
    Adam adam(3, 0.01);
    for (int t = 0; t < 50; ++t) adam.step(lambda, kGradients[static_cast<std::size_t>(t % 3)]);
    return lambda;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace variscope::optimizers
