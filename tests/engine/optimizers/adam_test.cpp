/// Adam against the paper's algorithm written out step by step.
#include "engine/optimizers/adam.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/engine/optimizers/drive.hpp"

namespace variscope {
namespace {

using test::Fit;

const std::vector<std::vector<double>> kGradients = {{1.0, -0.3, 1e-9}, {-2.5, -0.1, 0.0}, {0.75, 40.0, 3e-9}};

std::vector<double> listed(Index step, const std::vector<double>&) { return kGradients[static_cast<std::size_t>(step)]; }

/// Kingma and Ba 2015, algorithm 1, from its text, in long double, for one parameter; + because the objective is maximised.
double from_the_paper(double start, std::size_t parameter, long double alpha, long double beta1, long double beta2, long double epsilon) {
  long double theta = start;
  long double m = 0;
  long double v = 0;
  for (int t = 1; t <= 3; ++t) {
    const long double g = kGradients[static_cast<std::size_t>(t - 1)][parameter];
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const long double m_hat = m / (1 - std::pow(beta1, static_cast<long double>(t)));
    const long double v_hat = v / (1 - std::pow(beta2, static_cast<long double>(t)));
    theta += alpha * m_hat / (std::sqrt(v_hat) + epsilon);
  }
  return static_cast<double>(theta);
}

TEST(Adam, ThreeStepsOfThePapersAlgorithm) {
  const std::vector<double> start{0.2, -1.0, 0.0};
  const auto plain = test::make_optimizer("adam", {{"step_size", 0.05}});
  const auto other = test::make_optimizer("adam", {{"step_size", 0.05}, {"beta1", 0.5}, {"beta2", 0.75}, {"epsilon", 0.125}});
  Fit a = test::start_fit(*plain, start);
  Fit b = test::start_fit(*other, start);
  test::drive(*plain, a, 3, listed);
  test::drive(*other, b, 3, listed);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(a.lambda[i], from_the_paper(start[i], i, 0.05L, 0.9L, 0.999L, 1e-8L), 1e-13) << i;
    EXPECT_NEAR(b.lambda[i], from_the_paper(start[i], i, 0.05L, 0.5L, 0.75L, 0.125L), 1e-15) << i;
  }
}

TEST(Adam, FirstStepHasTheStepSizeWhateverTheGradient) {
  const auto adam = test::make_optimizer("adam", {{"step_size", 0.1}});
  Fit fit = test::start_fit(*adam, {0.0, 0.0, 0.0});
  test::drive(*adam, fit, 1, [](Index, const auto&) { return std::vector<double>{1e-3, -1e6, 0.0}; });
  EXPECT_NEAR(fit.lambda[0], 0.1, 1e-6);  // epsilon 1e-8 against 1e-3
  EXPECT_NEAR(fit.lambda[1], -0.1, 1e-12);
  EXPECT_EQ(fit.lambda[2], 0.0);
}

TEST(Adam, FollowsItsSchedule) {
  // A constant gradient makes every step of Adam the schedule's step size, whatever the moments: m_hat = g, v_hat = g^2.
  const auto adam = test::make_optimizer("adam", {{"step_size", 0.1}, {"power", 0.5}, {"epsilon", 1e-300}});
  Fit fit = test::start_fit(*adam, {0.0});
  double sum = 0;
  for (int t = 0; t < 20; ++t) {
    test::drive(*adam, fit, 1, [](Index, const auto&) { return std::vector<double>{2.0}; });
    sum += 0.1 / std::sqrt(1.0 + t);
    EXPECT_NEAR(fit.lambda[0], sum, 1e-14);
  }
}

}  // namespace
}  // namespace variscope
