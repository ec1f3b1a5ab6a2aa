/// Quadrature rules against exact moments, known nodes and each other.
#include "engine/oracles/quadrature.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

#include <gtest/gtest.h>

namespace variscope::oracles {
namespace {

TEST(GaussHermite, KnownRules) {
  const Rule one = gauss_hermite(1);
  EXPECT_EQ(one.nodes[0], 0.0);
  EXPECT_EQ(one.weights[0], 1.0);
  const Rule three = gauss_hermite(3);
  EXPECT_NEAR(three.nodes[2], std::sqrt(3.0), 1e-15);
  EXPECT_EQ(three.nodes[1], 0.0);
  EXPECT_NEAR(three.weights[0], 1.0 / 6, 1e-16);
  EXPECT_NEAR(three.weights[1], 2.0 / 3, 1e-15);
  const Rule four = gauss_hermite(4);
  EXPECT_NEAR(four.nodes[3], std::sqrt(3.0 + std::sqrt(6.0)), 2e-15);
  EXPECT_NEAR(four.weights[3], 1.0 / (4.0 * (3.0 + std::sqrt(6.0))), 1e-16);
  EXPECT_THROW(gauss_hermite(0), std::invalid_argument);
}

TEST(GaussHermite, IsExactToDegreeTwiceOrderLessOne) {
  for (const Index order : {1, 2, 5, 8, 13, 20}) {
    const Rule rule = gauss_hermite(order);
    double exact = 1;  // (2j - 1)!!
    for (Index degree = 0; degree <= 2 * order - 1; degree += 2) {
      if (degree > 0) exact *= static_cast<double>(degree - 1);
      EXPECT_NEAR(expectation(rule, [&](double x) { return std::pow(x, static_cast<double>(degree)); }), exact, 1e-13 * exact)
          << order << " " << degree;
    }
    // One degree further it must fail: E p_n^2 = n! is what the rule, vanishing on p_n, misses.
    const double beyond = expectation(rule, [&](double x) { return std::pow(x, static_cast<double>(2 * order)); });
    EXPECT_GT(std::abs(beyond / (exact * static_cast<double>(2 * order - 1)) - 1.0), 1e-7);
  }
}

TEST(GaussHermite, HighOrdersAreSymmetricOrderedAndNormalised) {
  for (const Index order : {64, 65, 200, 1000}) {
    const Rule rule = gauss_hermite(order);
    double sum = 0;
    for (std::size_t i = 0; i < rule.size(); ++i) {
      sum += rule.weights[i];
      EXPECT_EQ(rule.nodes[i], -rule.nodes[rule.size() - 1 - i]);
      EXPECT_EQ(rule.weights[i], rule.weights[rule.size() - 1 - i]);
      if (i > 0) {
        EXPECT_LT(rule.nodes[i - 1], rule.nodes[i]);
      }
    }
    EXPECT_NEAR(sum, 1.0, 1e-12);
    EXPECT_NEAR(expectation(rule, [](double x) { return std::cos(3.0 * x); }), std::exp(-4.5), 1e-13);
  }
}

TEST(Trapezoidal, IsExactForPolynomialsAndSmoothFunctions) {
  const Rule rule = trapezoidal(0.5);
  double exact = 1;
  for (int degree = 0; degree <= 12; degree += 2) {
    if (degree > 0) exact *= degree - 1;
    EXPECT_NEAR(expectation(rule, [&](double x) { return std::pow(x, degree); }), exact, 1e-14 * exact);
  }
  // Frequency 5 is seen as 2 pi / step - 5 too: an error of exp(-(2 pi / step - 5)^2 / 2), 3.7e-13 at 1/2 and nothing at 1/4.
  const auto wave = [](double x) { return std::cos(5.0 * x); };
  EXPECT_NEAR(expectation(rule, wave), std::exp(-12.5), 4e-13);
  EXPECT_NEAR(expectation(trapezoidal(0.25), wave), std::exp(-12.5), 1e-15);
  EXPECT_THROW(trapezoidal(0.0), std::invalid_argument);
}

TEST(Trapezoidal, ResolvesNarrowFunctionsThatGaussHermiteMisses) {
  const auto narrow = [](double x) { return std::exp(-100.0 * (x + 1.0) * (x + 1.0)); };
  const double exact = std::exp(-100.0 / 201.0) / std::sqrt(201.0);
  EXPECT_NEAR(expectation(trapezoidal(1.0 / 32), narrow), exact, 1e-15);
  EXPECT_GT(std::abs(expectation(gauss_hermite(64), narrow) - exact), 1e-4);
  EXPECT_NEAR(expectation(gauss_hermite(2000), narrow), exact, 1e-6);
}

TEST(Uniform, IntegratesPolynomialsAndNarrowFunctions) {
  for (const Index order : {1, 2, 5, 16}) {
    const Rule rule = uniform(1, order);
    for (Index degree = 0; degree < 2 * order; ++degree) {
      const auto power = static_cast<double>(degree);
      EXPECT_NEAR(expectation(rule, [&](double u) { return std::pow(u, power); }), 1.0 / (power + 1.0), 1e-14) << order << " " << degree;
    }
  }
  EXPECT_NEAR(expectation(uniform(16), [](double u) { return std::exp(-100.0 * u); }), (1.0 - std::exp(-100.0)) / 100.0, 1e-16);
  EXPECT_THROW(uniform(0), std::invalid_argument);
  EXPECT_THROW(uniform(1, 0), std::invalid_argument);
}

TEST(Rayleigh, HasItsMoments) {
  const Rule rule = rayleigh(1.0);
  EXPECT_NEAR(expectation(rule, [](double) { return 1.0; }), 1.0, 1e-14);
  EXPECT_NEAR(expectation(rule, [](double w) { return w; }), std::sqrt(std::numbers::pi / 2.0), 1e-14);
  EXPECT_NEAR(expectation(rule, [](double w) { return w * w; }), 2.0, 1e-14);
  EXPECT_NEAR(expectation(rule, [](double w) { return std::pow(w, 4); }), 8.0, 1e-13);
}

TEST(TwoSidedMaxwell, HasItsMomentsAndGivesTheNormalBackTimesAUniform) {
  const Rule rule = two_sided_maxwell(0.25);
  EXPECT_NEAR(expectation(rule, [](double) { return 1.0; }), 1.0, 1e-14);
  EXPECT_NEAR(expectation(rule, [](double x) { return x * x; }), 3.0, 1e-14);
  EXPECT_NEAR(expectation(rule, [](double x) { return std::pow(x, 4); }), 15.0, 1e-13);
  const Rule share = uniform(4);
  const double wave = expectation(rule, [&](double x) { return expectation(share, [&](double u) { return std::cos(2.0 * x * u); }); });
  EXPECT_NEAR(wave, std::exp(-2.0), 1e-14);
}

TEST(Logistic, HasItsMomentsAndTakesAJump) {
  const Rule rule = logistic(-0.7, 1.0);
  EXPECT_NEAR(expectation(rule, [](double) { return 1.0; }), 1.0, 1e-14);
  EXPECT_NEAR(expectation(rule, [](double x) { return x; }), 0.0, 1e-14);
  EXPECT_NEAR(expectation(rule, [](double x) { return x * x; }), std::numbers::pi * std::numbers::pi / 3.0, 1e-13);
  EXPECT_NEAR(expectation(rule, [](double x) { return x > -0.7 ? 1.0 : 0.0; }), 1.0 / (1.0 + std::exp(-0.7)), 1e-14);
}

TEST(Quadrature, TensorProductInTwoDimensions) {
  const auto f = [](double a, double b) { return a * a * b * b * b * b + std::cos(a - b); };
  const double exact = 3.0 + std::exp(-1.0);
  EXPECT_NEAR(expectation_2d(gauss_hermite(40), f), exact, 1e-13);
  EXPECT_NEAR(expectation_2d(trapezoidal(0.5), f), exact, 1e-13);
}

}  // namespace
}  // namespace variscope::oracles
