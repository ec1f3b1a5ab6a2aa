/// Stochastic gradient ascent against closed forms: iterates on quadratics, schedules, and its stationary variance under noise.
#include "engine/optimizers/sgd.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/random/stream.hpp"
#include "tests/engine/optimizers/drive.hpp"

namespace variscope {
namespace {

using test::Fit;

std::vector<double> downhill(const std::vector<double>& x, double curvature) {
  std::vector<double> g;
  for (const double xi : x) g.push_back(-curvature * xi);
  return g;
}

TEST(Sgd, IteratesOnAQuadraticAreThePowersOfOneMinusStepTimesCurvature) {
  for (const double rate : {0.25, 0.5, 1.5}) {
    const auto sgd = test::make_optimizer("sgd", {{"step_size", rate / 2}});
    Fit fit = test::start_fit(*sgd, {3.0, -1.0});
    for (int t = 1; t <= 20; ++t) {
      test::drive(*sgd, fit, 1, [](Index, const auto& x) { return downhill(x, 2); });
      // 1 - rate is a power of two or so small a fraction that all is exact.
      EXPECT_DOUBLE_EQ(fit.lambda[0], 3.0 * std::pow(1 - rate, t));
      EXPECT_DOUBLE_EQ(fit.lambda[1], -1.0 * std::pow(1 - rate, t));
    }
  }
}

TEST(Sgd, MomentumIsTheTwoTermRecursion) {
  // x_{t+1} = x_t (1 - a h + mu) - mu x_{t-1}: roots r of r^2 - (1 - a h + mu) r + mu; a h = 0.1, mu = 0.25: 0.575 +- sqrt(0.080625).
  const double high = 0.575 + std::sqrt(0.080625);
  const double low = 0.575 - std::sqrt(0.080625);
  const auto sgd = test::make_optimizer("sgd", {{"step_size", 0.05}, {"momentum", 0.25}});
  Fit fit = test::start_fit(*sgd, {1.0});
  // x_0 = 1, x_1 = 0.9 = c high + (1 - c) low.
  const double c = (0.9 - low) / (high - low);
  for (int t = 1; t <= 40; ++t) {
    test::drive(*sgd, fit, 1, [](Index, const auto& x) { return downhill(x, 2); });
    EXPECT_NEAR(fit.lambda[0], c * std::pow(high, t) + (1 - c) * std::pow(low, t), 1e-14);
  }
}

TEST(Sgd, SchedulesAreWhatTheySay) {
  const auto steps = [](const std::map<std::string, double>& numbers) {
    const auto sgd = test::make_optimizer("sgd", numbers);
    Fit fit = test::start_fit(*sgd, {0.0});
    std::vector<double> sizes;
    for (int t = 0; t < 30; ++t) {
      const double before = fit.lambda[0];
      test::drive(*sgd, fit, 1, [](Index, const auto&) { return std::vector<double>{1.0}; });
      sizes.push_back(fit.lambda[0] - before);
    }
    return sizes;
  };
  const auto constant = steps({{"step_size", 0.5}});
  const auto geometric = steps({{"step_size", 0.5}, {"decay", 0.9}});
  const auto robbins_monro = steps({{"step_size", 3}, {"offset", 7}, {"power", 0.75}});
  const auto root = steps({{"step_size", 3}, {"offset", 7}, {"power", 0.5}});
  for (std::size_t t = 0; t < 30; ++t) {
    const auto step = static_cast<double>(t);
    EXPECT_EQ(constant[t], 0.5);
    EXPECT_NEAR(geometric[t], 0.5 * std::exp(step * std::log(0.9)), 1e-14);
    EXPECT_NEAR(robbins_monro[t], 3 / std::sqrt((7 + step) * std::sqrt(7 + step)), 1e-13);
    EXPECT_NEAR(root[t], 3 / std::sqrt(7 + step), 1e-13);
  }
}

/// With gradient -h x + noise, x' = (1 - a h) x + a noise: variance a^2 sigma^2 / (1 - (1 - a h)^2) = a sigma^2 / (h (2 - a h)).
TEST(Sgd, StationaryVarianceOnANoisyQuadratic) {
  const double a = 0.5;
  const double h = 1.0;
  const double sigma = 0.7;
  const double truth = a * sigma * sigma / (h * (2 - a * h));
  const auto sgd = test::make_optimizer("sgd", {{"step_size", a}});
  // 4000 chains of 40 steps each: what the start leaves is 0.5^80. Chains are parameters, so independent.
  const std::size_t chains = 4000;
  Fit fit = test::start_fit(*sgd, std::vector<double>(chains, 0.0));
  test::drive(*sgd, fit, 40, [&](Index step, const auto& x) {
    auto g = downhill(x, h);
    const random::Stream stream{3, random::Purpose::testing, 5, static_cast<std::uint32_t>(step), 0};
    for (std::size_t i = 0; i < chains; ++i) g[i] += sigma * random::normal(stream, static_cast<std::uint32_t>(i));
    return g;
  });
  double mean_square = 0;
  for (const double x : fit.lambda) mean_square += x * x / static_cast<double>(chains);
  const double error = truth * std::sqrt(2.0 / static_cast<double>(chains));
  EXPECT_LT(std::abs(mean_square - truth), 4 * error);  // false alarms: 6e-5
  // What forgetting the curvature in the denominator would give is seen.
  EXPECT_GT(std::abs(mean_square - a * sigma * sigma / (2 * h)), 8 * error);
}

}  // namespace
}  // namespace variscope
