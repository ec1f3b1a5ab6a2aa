/// AdaGrad over a window: its recursion written out, and its bias against the root of its exact drift.
#include "engine/optimizers/adagrad_window.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/oracles/quadrature.hpp"
#include "engine/random/stream.hpp"
#include "tests/engine/optimizers/drive.hpp"

namespace variscope {
namespace {

using test::Fit;

TEST(AdagradWindow, FiveStepsOfPymcsUpdate) {
  const double gradients[] = {1.0, -2.0, 0.5, 3.0, -1.5};
  const auto optimizer = test::make_optimizer("adagrad_window", {{"step_size", 0.5}, {"window", 2}, {"epsilon", 0.25}});
  Fit fit = test::start_fit(*optimizer, {0.0});
  double theta = 0;
  for (int t = 0; t < 5; ++t) {
    test::drive(*optimizer, fit, 1, [&](Index step, const auto&) { return std::vector<double>{gradients[step]}; });
    const double before = t == 0 ? 0.0 : gradients[t - 1];
    theta += 0.5 * gradients[t] / std::sqrt(gradients[t] * gradients[t] + before * before + 0.25);
    EXPECT_NEAR(fit.lambda[0], theta, 1e-15);
  }
}

/// What a single pathwise sample gives for a log scale on a normal target: g = 1 - u eps^2 with u = precision s^2, mean 1 - u.
double log_scale_gradient(double u, double eps) { return 1 - u * eps * eps; }

/// E[g / sqrt(g^2 + R + epsilon)], R the sum of `others` independent squares of g: with 1 / sqrt(S) = 2 / sqrt(pi) int_0^inf exp(-y^2 S) dy
/// the sum becomes a product, 2 / sqrt(pi) int exp(-y^2 epsilon) E[exp(-y^2 g^2)]^others E[g exp(-y^2 g^2)] dy.
double drift(double u, int others, double epsilon) {
  static const auto rule = oracles::trapezoidal(1.0 / 64);
  const double step = 0.05;
  double sum = 0;
  // The integrand is even in y, so the trapezoidal rule converges like that of an analytic function on the line.
  for (int k = 0; k < 240; ++k) {
    const double y2 = step * k * step * k;
    const double damp = oracles::expectation(rule, [&](double eps) {
      const double g = log_scale_gradient(u, eps);
      return std::exp(-y2 * g * g);
    });
    const double slope = oracles::expectation(rule, [&](double eps) {
      const double g = log_scale_gradient(u, eps);
      return g * std::exp(-y2 * g * g);
    });
    sum += (k == 0 ? 0.5 : 1.0) * step * std::exp(-y2 * epsilon) * std::pow(damp, others) * slope;
  }
  return sum * 2 / std::sqrt(std::acos(-1.0));
}

double root_of_drift(int others, double epsilon) {
  double low = 0.5;
  double high = 3;
  for (int i = 0; i < 22; ++i) {
    const double middle = 0.5 * (low + high);
    (drift(middle, others, epsilon) > 0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

struct Average {
  double mean = 0;
  double error = 0;
};

/// Mean over 600 chains (parameters) of the log scale after many small steps.
Average settled(const optimizers::Optimizer& optimizer, Index steps) {
  const std::size_t chains = 600;
  Fit fit = test::start_fit(optimizer, std::vector<double>(chains, 0.05));
  test::drive(optimizer, fit, steps, [&](Index step, const auto& rho) {
    std::vector<double> g(chains);
    tiles::Batch noise(static_cast<Index>(chains), 1);
    const random::Stream stream{9, random::Purpose::testing, 7, static_cast<std::uint32_t>(step), 0};
    random::fill_normal(&stream, noise.view());
    for (std::size_t i = 0; i < chains; ++i) g[i] = log_scale_gradient(std::exp(2 * rho[i]), noise(static_cast<Index>(i), 0));
    return g;
  });
  Average average;
  for (const double rho : fit.lambda) average.mean += rho / chains;
  for (const double rho : fit.lambda) average.error += (rho - average.mean) * (rho - average.mean);
  average.error = std::sqrt(average.error / (chains - 1) / chains);
  return average;
}

/// The fit of a normal target: sd 1. PyMC's optimizer settles at a root of its own, some 8 % too high; SGD with the same noise at 1.
TEST(AdagradWindow, SettlesWhereItsDriftVanishesNotWhereTheGradientDoes) {
  // The window without the gradient itself would have no bias: the drift's root tells the two apart, and W = 1 is worse.
  const double root = 0.5 * std::log(root_of_drift(9, 0.1));
  EXPECT_GT(root, 0.05);
  EXPECT_LT(root, 0.12);
  EXPECT_GT(drift(std::exp(2 * root), 0, 0.1), 0);
  EXPECT_LT(drift(1.03, 99, 0.1), 0);
  const auto window = test::make_optimizer("adagrad_window", {{"step_size", 0.004}});
  const Average found = settled(*window, 6000);
  // False alarms 6e-5. A small step's own bias, of the order of the iterates' variance, stays below two standard errors.
  EXPECT_LT(std::abs(found.mean - root), 6 * found.error) << found.mean << " " << root << " " << found.error;
  EXPECT_GT(std::abs(found.mean), 20 * found.error);
  const auto sgd = test::make_optimizer("sgd", {{"step_size", 0.001}});
  const Average plain = settled(*sgd, 6000);
  EXPECT_LT(std::abs(plain.mean), 4 * plain.error + 0.001) << plain.mean << " " << plain.error;  // E[exp(2 rho)] = 1: mean -variance
}

}  // namespace
}  // namespace variscope
