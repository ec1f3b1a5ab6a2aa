/// Averages of iterates against means of iterates that were written down, and Polyak and Juditsky's variance.
#include "engine/optimizers/average.hpp"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "engine/random/stream.hpp"
#include "tests/engine/optimizers/drive.hpp"

namespace variscope {
namespace {

using test::Fit;

/// Iterates 1, 4, 9, ...: sums of odd numbers.
std::vector<double> odd(Index step, const std::vector<double>&) { return {2.0 * static_cast<double>(step) + 1}; }

TEST(Average, WindowIsTheMeanOfTheLastIterates) {
  const auto sgd = test::make_optimizer("sgd", {{"step_size", 1}, {"average", 5}});
  Fit fit = test::start_fit(*sgd, {0.0});
  EXPECT_EQ(test::answer_of(*sgd, fit)[0], 0.0);
  for (int t = 1; t <= 23; ++t) {
    test::drive(*sgd, fit, 1, odd);
    double sum = 0;
    const int first = std::max(1, t - 4);
    for (int k = first; k <= t; ++k) sum += k * k;
    EXPECT_DOUBLE_EQ(test::answer_of(*sgd, fit)[0], sum / (t - first + 1)) << t;
  }
}

TEST(Average, ShareIsTheMeanOfATailOfAtLeastThatShare) {
  for (const double share : {0.1, 0.25, 0.5, 0.75, 0.9}) {
    const auto sgd = test::make_optimizer("sgd", {{"step_size", 1}, {"average", share}});
    Fit fit = test::start_fit(*sgd, {0.0});
    for (int t = 1; t <= 3000; ++t) {
      test::drive(*sgd, fit, 1, odd);
      // Which tail it is: the first iterate that makes the mean of squares first^2 .. t^2 equal to the answer.
      const double answer = test::answer_of(*sgd, fit)[0];
      const auto mean_from = [&](double first) {
        const auto below = [](double n) { return n * (n + 1) * (2 * n + 1) / 6; };
        return (below(t) - below(first - 1)) / (t - first + 1);
      };
      const double least = std::max(1.0, std::floor((1 - share) * (1 - share) * t) - 1);
      const double most = std::min(static_cast<double>(t), std::ceil((1 - share) * t) + 1);
      ASSERT_GE(answer, mean_from(least) * (1 - 1e-12)) << share << " " << t;
      ASSERT_LE(answer, mean_from(most) * (1 + 1e-12)) << share << " " << t;
    }
  }
}

/// The mean of n iterates of x' = (1 - a h) x + a noise has variance sigma^2 / (h^2 n) for large n, whatever the step size: Polyak and
/// Juditsky 1992, theorem 1. A single iterate's is a sigma^2 / (h (2 - a h)).
TEST(Average, ReachesPolyakAndJuditskysVariance) {
  const double a = 0.5;
  const double h = 1.0;
  const std::size_t chains = 2000;
  const Index steps = 1024;
  const auto sgd = test::make_optimizer("sgd", {{"step_size", a}, {"average", 512}});
  Fit fit = test::start_fit(*sgd, std::vector<double>(chains, 0.0));
  test::drive(*sgd, fit, steps, [&](Index step, const auto& x) {
    std::vector<double> g(chains);
    const random::Stream stream{5, random::Purpose::testing, 6, static_cast<std::uint32_t>(step), 0};
    for (std::size_t i = 0; i < chains; ++i) g[i] = random::normal(stream, static_cast<std::uint32_t>(i)) - h * x[i];
    return g;
  });
  double mean_square = 0;
  for (const double x : test::answer_of(*sgd, fit)) mean_square += x * x / static_cast<double>(chains);
  // Exactly: stationary AR(1) with r = 1 - a h and variance v: v / n ((1 + r) / (1 - r) - 2 r (1 - r^n) / (n (1 - r)^2)).
  const double r = 1 - a * h;
  const double n = 512;
  const double v = a / (h * (2 - a * h));
  const double truth = v / n * ((1 + r) / (1 - r) - 2 * r * (1 - std::pow(r, n)) / (n * (1 - r) * (1 - r)));
  EXPECT_NEAR(truth, 1 / (h * h * n), 0.01 * truth);
  EXPECT_LT(std::abs(mean_square / truth - 1), 4 * std::sqrt(2.0 / static_cast<double>(chains)));  // false alarms: 6e-5
}

}  // namespace
}  // namespace variscope
