/// The vector functions against long double libm: errors in ulps, exact edge cases, equal lanes.
#include "engine/simd/math.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

namespace variscope::simd {
namespace {

double ulps(double got, long double exact) {
  const auto e = static_cast<double>(exact);
  const double ulp = std::nextafter(std::fabs(e), std::numeric_limits<double>::infinity()) - std::fabs(e);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - exact) / static_cast<long double>(ulp));
}

double lane0(const std::function<Pack(Pack)>& f, double x) { return f(broadcast(x))[0]; }

/// Largest error over n points drawn by `draw`.
double worst(const std::function<Pack(Pack)>& f, const std::function<long double(long double)>& exact,
             const std::function<double(std::mt19937_64&)>& draw) {
  std::mt19937_64 engine(7);
  double worst = 0;
  for (int i = 0; i < 400000; ++i) {
    const double x = draw(engine);
    worst = std::max(worst, ulps(lane0(f, x), exact(x)));
  }
  return worst;
}

double uniform(std::mt19937_64& e, double a, double b) { return std::uniform_real_distribution<double>(a, b)(e); }

TEST(SimdMath, ExpIsAccurate) {
  const auto f = [](Pack x) { return exp_nonpositive(x); };
  const auto exact = [](long double x) { return std::exp(x); };
  EXPECT_LT(worst(f, exact, [](auto& e) { return uniform(e, -708, 0); }), 1.1);
  EXPECT_LT(worst(f, exact, [](auto& e) { return uniform(e, -1, 0); }), 1.1);
  EXPECT_LT(worst(f, exact, [](auto& e) { return -std::exp(uniform(e, -40, 0)); }), 1.1);
  EXPECT_EQ(lane0(f, 0.0), 1.0);
  EXPECT_EQ(lane0(f, -0.0), 1.0);
  EXPECT_EQ(lane0(f, -709.0), 0.0);
  EXPECT_EQ(lane0(f, -1e4), 0.0);
  EXPECT_EQ(lane0(f, -std::numeric_limits<double>::infinity()), 0.0);
  EXPECT_TRUE(std::isnan(lane0(f, std::nan(""))));
}

TEST(SimdMath, LogIsWithinOneUlp) {
  const auto f = [](Pack x) { return log_positive(x); };
  const auto exact = [](long double x) { return std::log(x); };
  EXPECT_LT(worst(f, exact, [](auto& e) { return std::exp(uniform(e, -700, 700)); }), 1.0);
  EXPECT_LT(worst(f, exact, [](auto& e) { return uniform(e, 0.5, 2); }), 1.0);
  EXPECT_LT(worst(f, exact, [](auto& e) { return uniform(e, 0, 1); }), 1.0);
  EXPECT_EQ(lane0(f, 1.0), 0.0);
}

TEST(SimdMath, Log1pKeepsTinyArguments) {
  const auto f = [](Pack x) { return log1p_nonnegative(x); };
  const auto exact = [](long double x) { return std::log1p(x); };
  EXPECT_LT(worst(f, exact, [](auto& e) { return std::exp(uniform(e, -700, 0)); }), 1.1);
  EXPECT_LT(worst(f, exact, [](auto& e) { return std::exp(uniform(e, -2, 700)); }), 1.1);
  EXPECT_LT(worst(f, exact, [](auto& e) { return uniform(e, 0, 3); }), 1.1);
  EXPECT_EQ(lane0(f, 0.0), 0.0);
  EXPECT_EQ(lane0(f, 1e-300), 1e-300);
}

TEST(SimdMath, SineAndCosineOfTurns) {
  std::mt19937_64 engine(3);
  const long double two_pi = 2.0L * std::acos(-1.0L);
  for (int i = 0; i < 400000; ++i) {
    const double t = uniform(engine, 0, 1);
    Pack s;
    Pack c;
    sincos_turns(broadcast(t), s, c);
    EXPECT_NEAR(s[0], static_cast<double>(std::sin(two_pi * t)), 2.3e-16);
    EXPECT_NEAR(c[0], static_cast<double>(std::cos(two_pi * t)), 2.3e-16);
  }
  const double sines[] = {0, 1, 0, -1, 0};
  const double cosines[] = {1, 0, -1, 0, 1};
  for (int q = 0; q <= 4; ++q) {
    Pack s;
    Pack c;
    sincos_turns(broadcast(0.25 * q), s, c);
    EXPECT_EQ(s[0], sines[q]);
    EXPECT_EQ(c[0], cosines[q]);
  }
}

TEST(SimdMath, LanesDoNotSeeEachOther) {
  std::mt19937_64 engine(5);
  Pack x{};
  for (int i = 0; i < kWidth; ++i) x[i] = uniform(engine, -50, 0);
  const Pack together = exp_nonpositive(x);
  for (int i = 0; i < kWidth; ++i) EXPECT_EQ(together[i], exp_nonpositive(broadcast(x[i]))[0]);
}

}  // namespace
}  // namespace variscope::simd
