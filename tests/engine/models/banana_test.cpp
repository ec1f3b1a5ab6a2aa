/// The banana: known values, its exact moments and normalising constant, expectations against quadrature.
#include "engine/models/banana.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "engine/oracles/quadrature.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

double value_at(const models::Model& model, double x, double y) {
  tiles::Batch z(2, 1);
  z(0, 0) = x;
  z(1, 0) = y;
  return test::prior(model, z, test::kValue)(0, 0);
}

TEST(Banana, KnownValuesAndGradient) {
  const models::Banana banana(3.0, 0.1);
  EXPECT_EQ(value_at(banana, 0.0, 0.0), 0.0);
  EXPECT_NEAR(value_at(banana, 3.0, 0.9), -0.5, 1e-15);   // on the parabola
  EXPECT_NEAR(value_at(banana, 3.0, -0.1), -1.0, 1e-15);  // one below it
  tiles::Batch z(2, 1);
  z(0, 0) = 2.0;
  z(1, 0) = 1.0;
  const tiles::Batch out = test::prior(banana, z, test::kBoth);  // y - 0.1 x^2 = 0.6
  EXPECT_NEAR(out(1, 0), -2.0 / 9.0 + 0.6 * 0.4, 1e-15);
  EXPECT_NEAR(out(2, 0), -0.6, 1e-15);
}

TEST(Banana, NormalisesToTwoPiScaleAndHasItsExactMoments) {
  // Trapezoidal sums on x in +-36, y in +-10 about the parabola; the integrand is analytic and vanishes at the ends.
  const models::Banana banana(3.0, 0.1);
  double mass = 0;
  double mean_x = 0;
  double mean_y = 0;
  for (int i = -144; i <= 144; ++i) {
    const double x = 0.25 * i;
    for (int j = -40; j <= 40; ++j) {
      const double y = 0.1 * x * x + 0.25 * j;
      const double p = 0.0625 * std::exp(value_at(banana, x, y));
      mass += p;
      mean_x += p * x;
      mean_y += p * y;
    }
  }
  EXPECT_NEAR(std::log(mass), std::log(6.0 * std::numbers::pi), 1e-12);
  EXPECT_NEAR(mean_x / mass, 0.0, 1e-12);
  EXPECT_NEAR(mean_y / mass, 0.9, 1e-12);
}

TEST(Banana, ExpectationsMatchGaussHermiteExactly) {
  // Everything is a polynomial of degree at most 5 in each variable: order 8 is exact.
  const oracles::Rule rule = oracles::gauss_hermite(8);
  const models::Banana banana(2.0, -0.3);
  const double m[2] = {0.7, -1.1};
  const double s[2] = {1.9, 0.4};
  models::GaussianExpectation out = test::empty_expectation(banana);
  out.value = 1.0;  // calls add
  banana.expected_log_prior(m, s, out);
  EXPECT_NEAR(out.value - 1.0,
              oracles::expectation_2d(rule, [&](double a, double b) { return value_at(banana, m[0] + s[0] * a, m[1] + s[1] * b); }), 1e-13);
  for (std::size_t p = 0; p < 4; ++p) {
    const std::size_t d = p % 2;
    const double exact = oracles::expectation_2d(rule, [&](double a, double b) {
      tiles::Batch z(2, 1);
      z(0, 0) = m[0] + s[0] * a;
      z(1, 0) = m[1] + s[1] * b;
      const double slope = test::prior(banana, z, test::kBoth)(1 + static_cast<Index>(d), 0);
      return p < 2 ? slope : slope * s[d] * (d == 0 ? a : b);
    });
    EXPECT_NEAR(out.gradient[p], exact, 1e-13 + out.error[p]) << p;
    EXPECT_LT(out.error[p], 1e-13);
  }
}

TEST(Banana, RefusesBadArguments) {
  EXPECT_THROW(models::Banana(0.0, 0.1), UserError);
  EXPECT_THROW(models::Banana(-1.0, 0.1), UserError);
  EXPECT_THROW(models::Banana(NAN, 0.1), UserError);
  EXPECT_THROW(models::Banana(1.0, INFINITY), UserError);
}

}  // namespace
}  // namespace variscope
