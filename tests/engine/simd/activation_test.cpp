/// tanh and softplus against long double libm: absolute and relative errors, extremes, equal lanes.
#include "engine/simd/activation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

namespace variscope::simd {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Largest absolute and relative error over 400 000 points.
struct Errors {
  double absolute = 0;
  double relative = 0;
};

Errors errors(const std::function<Pack(Pack)>& f, const std::function<long double(long double)>& exact,
              const std::function<double(std::mt19937_64&)>& draw) {
  std::mt19937_64 engine(11);
  Errors worst;
  for (int i = 0; i < 400000 / kWidth; ++i) {
    Pack x;
    for (int lane = 0; lane < kWidth; ++lane) x[lane] = draw(engine);
    const Pack y = f(x);
    for (int lane = 0; lane < kWidth; ++lane) {
      const long double truth = exact(x[lane]);
      const auto error = static_cast<double>(std::fabs(y[lane] - truth));
      worst.absolute = std::max(worst.absolute, error);
      if (truth != 0) worst.relative = std::max(worst.relative, error / static_cast<double>(std::fabs(truth)));
    }
  }
  return worst;
}

double uniform(std::mt19937_64& e, double a, double b) { return std::uniform_real_distribution<double>(a, b)(e); }
/// Of either sign, its logarithm uniform.
double wide(std::mt19937_64& e, double a, double b) { return (e() & 1 ? 1.0 : -1.0) * std::exp(uniform(e, a, b)); }

double lane0(const std::function<Pack(Pack)>& f, double x) { return f(broadcast(x))[0]; }

Pack value(Pack z) { return softplus(z).value; }
Pack slope(Pack z) { return softplus(z).slope; }
long double exact_softplus(long double z) { return std::max(z, 0.0L) + std::log1p(std::exp(-std::fabs(z))); }
long double exact_sigmoid(long double z) { return 1 / (1 + std::exp(-z)); }

TEST(SimdActivation, TanhIsAccurate) {
  const auto f = [](Pack x) { return tanh(x); };
  const auto exact = [](long double x) { return std::tanh(x); };
  for (const double bound : {0.02, 0.4, 3.0, 25.0}) {
    const Errors found = errors(f, exact, [&](auto& e) { return uniform(e, -bound, bound); });
    EXPECT_LT(found.absolute, 4e-16) << bound;
    EXPECT_LT(found.relative, 5e-15) << bound;
  }
  // Where the table's power is 1 nothing cancels: |x| < ln2 / 64.
  EXPECT_LT(errors(f, exact, [](auto& e) { return wide(e, -700, -4.6); }).relative, 7e-16);
}

TEST(SimdActivation, TanhAtTheExtremes) {
  const auto f = [](Pack x) { return tanh(x); };
  EXPECT_EQ(lane0(f, 0.0), 0.0);
  EXPECT_TRUE(std::signbit(lane0(f, -0.0)));
  EXPECT_NEAR(lane0(f, 1e-300), 1e-300, 5e-316);
  EXPECT_NEAR(lane0(f, -1e-300), -1e-300, 5e-316);
  EXPECT_EQ(lane0(f, 19.5), 1.0);
  EXPECT_EQ(lane0(f, -1e300), -1.0);
  EXPECT_EQ(lane0(f, kInfinity), 1.0);
  EXPECT_EQ(lane0(f, -kInfinity), -1.0);
  EXPECT_TRUE(std::isnan(lane0(f, std::nan(""))));
  // Never beyond 1: 1 - a^2 is the derivative.
  std::mt19937_64 engine(5);
  for (int i = 0; i < 100000; ++i) EXPECT_LE(lane0(f, uniform(engine, 10, 22)), 1.0);
}

TEST(SimdActivation, SoftplusAndItsSlopeAreAccurate) {
  constexpr double kUlp = 2.3e-16;
  for (const double bound : {0.1, 2.0, 40.0, 700.0}) {
    const auto draw = [&](auto& e) { return uniform(e, -bound, bound); };
    EXPECT_LT(errors(value, exact_softplus, draw).relative, 3 * kUlp) << bound;
    EXPECT_LT(errors(slope, exact_sigmoid, draw).relative, 3 * kUlp) << bound;
  }
  const auto tiny = [](auto& e) { return wide(e, -700, 0); };
  EXPECT_LT(errors(value, exact_softplus, tiny).relative, 3 * kUlp);
  EXPECT_LT(errors(slope, exact_sigmoid, tiny).relative, 3 * kUlp);
}

TEST(SimdActivation, SoftplusAtTheExtremes) {
  EXPECT_EQ(lane0(value, 1e300), 1e300);
  EXPECT_EQ(lane0(value, kInfinity), kInfinity);
  EXPECT_EQ(lane0(value, -1e4), 0.0);
  EXPECT_EQ(lane0(value, -kInfinity), 0.0);
  EXPECT_EQ(lane0(slope, kInfinity), 1.0);
  EXPECT_EQ(lane0(slope, -kInfinity), 0.0);
  EXPECT_EQ(lane0(slope, 0.0), 0.5);
  EXPECT_EQ(lane0(slope, -0.0), 0.5);
  EXPECT_TRUE(std::isnan(lane0(value, std::nan(""))));
  EXPECT_TRUE(std::isnan(lane0(slope, std::nan(""))));
}

/// A lane's bits are those of the same number in every other lane, and in any company.
TEST(SimdActivation, LanesAreEqual) {
  std::mt19937_64 engine(3);
  for (int i = 0; i < 2000; ++i) {
    Pack x;
    for (int lane = 0; lane < kWidth; ++lane) x[lane] = wide(engine, -20, 5);
    Pack many[kTogether];
    Pack plus[kTogether];
    Pack slopes[kTogether];
    for (int k = 0; k < kTogether; ++k) many[k] = plus[k] = k == 3 ? x : broadcast(wide(engine, -20, 5));
    for (Pack& one : many) one = one * kTanhScale;
    tanh_scaled_all<kTogether>(many);
    softplus_all<kTogether>(plus, slopes);
    const Pack tanhs = many[3];
    const Softplus pluses{plus[3], slopes[3]};
    for (int lane = 0; lane < kWidth; ++lane) {
      const double a[3] = {tanhs[lane], pluses.value[lane], pluses.slope[lane]};
      const double b[3] = {tanh(broadcast(x[lane]))[0], value(broadcast(x[lane]))[0], slope(broadcast(x[lane]))[0]};
      EXPECT_EQ(std::memcmp(a, b, sizeof(a)), 0);
    }
  }
}

}  // namespace
}  // namespace variscope::simd
