/// Transforms against their definitions in long double, volumes of supports by quadrature, extremes, and errors.
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "engine/transforms/bounded.hpp"
#include "engine/transforms/correlation_cholesky.hpp"
#include "engine/transforms/covariance_cholesky.hpp"
#include "engine/transforms/ordered.hpp"
#include "engine/transforms/packs.hpp"
#include "engine/transforms/positive_log.hpp"
#include "engine/transforms/positive_softplus.hpp"
#include "engine/transforms/simplex.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

using tiles::Batch;
using transforms::Transform;

Batch column(const std::vector<double>& u) {
  Batch batch(static_cast<Index>(u.size()), 1);
  for (std::size_t j = 0; j < u.size(); ++j) batch(static_cast<Index>(j), 0) = u[j];
  return batch;
}

std::vector<double> constrain(const Transform& transform, const std::vector<double>& u) {
  Batch x(transform.values(), 1);
  transform.constrain(column(u).view(), 0, x.view(), 0);
  std::vector<double> values;
  for (Index i = 0; i < x.dim(); ++i) values.push_back(x(i, 0));
  return values;
}

double log_jacobian(const Transform& transform, const std::vector<double>& u) {
  Batch out(1, 1);
  transform.add_log_jacobian(column(u).view(), 0, out.view(), true, false, 1);
  return out(0, 0);
}

std::vector<double> unconstrain(const Transform& transform, const std::vector<double>& values) {
  std::vector<double> u(static_cast<std::size_t>(transform.size()));
  const auto wrong = transform.unconstrain(values, u);
  EXPECT_FALSE(wrong.has_value()) << *wrong;
  return u;
}

/// Points from 1e-300 to 700 on both sides, and 0.
std::vector<double> points() {
  std::vector<double> all = {0.0};
  for (const double size :
       {1e-300, 1e-20, 1e-10, 1e-5, 0.01, 0.1, 0.3, 0.34, 0.35, 0.5, 1.0, 2.0, 5.0, 17.0, 19.5, 36.0, 40.0, 100.0, 350.0, 700.0}) {
    all.push_back(size);
    all.push_back(-size);
  }
  return all;
}

/// |a - b| in units of b's epsilon.
double ulps(double a, long double b) {
  if (static_cast<long double>(a) == b) return 0;
  return static_cast<double>(std::abs((static_cast<long double>(a) - b) / b)) / 0x1p-52;
}

double lane(simd::Pack x) { return x[0]; }

TEST(TransformPacks, AreAccurateEverywhere) {
  // Against glibc in long double. Bounds in epsilons of the result: a few roundings each.
  namespace packs = transforms::packs;
  for (const double x : points()) {
    const simd::Pack p = simd::broadcast(x);
    const long double l = x;
    EXPECT_LT(ulps(lane(packs::exp(p)), std::exp(l)), 2.0) << x;
    EXPECT_LT(ulps(lane(packs::softplus(p)), x > 0 ? l + std::log1p(std::exp(-l)) : std::log1p(std::exp(l))), 3.0) << x;
    EXPECT_LT(ulps(lane(packs::logistic(p)), x > 0 ? 1.0L / (1.0L + std::exp(-l)) : std::exp(l) / (1.0L + std::exp(l))), 3.0) << x;
    EXPECT_LT(ulps(lane(packs::tanh(p)), std::tanh(l)), 5.0) << x;
    EXPECT_LT(ulps(lane(packs::sech(p)), 1.0L / std::cosh(l)), 4.0) << x;
    EXPECT_NEAR(lane(packs::log_sech(p)), static_cast<double>(-std::log(std::cosh(l))), 2.3e-16 * 2 * (1 + std::abs(x))) << x;
    if (x <= 0) {
      EXPECT_LT(ulps(lane(packs::expm1_nonpositive(p)), std::expm1(l)), 3.0) << x;
    }
  }
  const double nan = std::nan("");
  for (const auto f : {packs::exp, packs::softplus, packs::logistic, packs::tanh, packs::sech, packs::log_sech})
    EXPECT_TRUE(std::isnan(lane(f(simd::broadcast(nan)))));
  EXPECT_TRUE(std::isfinite(lane(packs::exp(simd::broadcast(1e6)))));
  EXPECT_GT(lane(packs::exp(simd::broadcast(-1e6))), 0.0);
}

TEST(Transforms, RoundTripsAtTheExtremes) {
  // Where the support's spacing lets the value be told from its bound, the coordinate comes back to a few ulp of 1 + |u|.
  const transforms::PositiveLog log(1);
  const transforms::PositiveSoftplus softplus(1);
  const transforms::UpperLog upper(1);
  const transforms::Bounded bounded(1);
  for (const double u : points()) {
    const double tolerance = 4 * 2.3e-16 * (1 + std::abs(u));
    EXPECT_NEAR(unconstrain(log, constrain(log, {u}))[0], u, tolerance);
    EXPECT_NEAR(unconstrain(upper, constrain(upper, {u}))[0], u, tolerance);
    EXPECT_NEAR(unconstrain(softplus, constrain(softplus, {u}))[0], u, tolerance);
    EXPECT_GT(constrain(log, {u})[0], 0.0);
    EXPECT_LT(constrain(upper, {u})[0], 0.0);
    EXPECT_GT(constrain(softplus, {u})[0], 0.0);
    EXPECT_GT(constrain(bounded, {u})[0], 0.0);
    EXPECT_LE(constrain(bounded, {u})[0], 1.0);
    if (u < 20.0) {
      // 1 - x holds what is left of u: one epsilon of 1 over the distance to 1.
      EXPECT_NEAR(unconstrain(bounded, constrain(bounded, {u}))[0], u, tolerance + 2.3e-16 * (1 + std::exp(u)));
    }
  }
  for (const double x : {1e-300, 1e-100, 1e-10, 1.0, 1e10, 1e100, 1e300}) {
    // exp magnifies the rounding of u, half an ulp of 690, to 690 epsilon of x.
    EXPECT_NEAR(constrain(log, unconstrain(log, {x}))[0] / x, 1.0, 4 * 2.3e-16 * (1 + std::abs(std::log(x))));
    EXPECT_NEAR(constrain(softplus, unconstrain(softplus, {x}))[0] / x, 1.0, 4 * 2.3e-16 * (1 + std::abs(std::log(x))));
    if (x >= 1.0) continue;
    EXPECT_NEAR(constrain(bounded, unconstrain(bounded, {x}))[0] / x, 1.0, 4 * 2.3e-16 * (1 + std::abs(std::log(x))));
  }
  const transforms::Simplex simplex(4);
  const transforms::CorrelationCholesky correlation(3);
  for (const std::vector<double>& u : {std::vector<double>{600, -90, 0}, {-700, -700, -700}, {-700, 30, 300}, {600, 0, 90}, {0, 0, 0}}) {
    const std::vector<double> back = unconstrain(simplex, constrain(simplex, u));
    for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(back[j], u[j], 8 * 2.3e-16 * 701) << j;
  }
  for (const std::vector<double>& u : {std::vector<double>{700, 350, -300}, {-700, -1e-8, 1e-300}, {1e-300, 0, -700}, {0, 36, 36}}) {
    const std::vector<double> back = unconstrain(correlation, constrain(correlation, u));
    for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(back[j], u[j], 8 * 2.3e-16 * (1 + std::abs(u[j]))) << j;
  }
}

TEST(Transforms, SimplexAndCorrelationAreTheManualsDefinitions) {
  // Literally the recursions of Stan's reference manual, in long double: sticks by subtraction, lengths by sqrt(1 - sum of squares).
  const Batch u = test::random_batch(6, 40, 1.5, 70);
  const transforms::Simplex simplex(7);
  const transforms::CorrelationCholesky correlation(4);
  for (Index s = 0; s < 40; ++s) {
    std::vector<double> at;
    for (Index j = 0; j < 6; ++j) at.push_back(u(j, s));
    const std::vector<double> x = constrain(simplex, at);
    long double left = 1;
    long double log_j = 0;
    for (int k = 1; k <= 6; ++k) {
      const long double odds = static_cast<long double>(at[static_cast<std::size_t>(k - 1)]) + std::log(1.0L / (7 - k));
      const long double z = 1.0L / (1.0L + std::exp(-odds));
      EXPECT_NEAR(x[static_cast<std::size_t>(k - 1)], static_cast<double>(left * z), 1e-15);
      log_j += std::log(z) + std::log(1.0L - z) + std::log(left);
      left -= left * z;
    }
    EXPECT_NEAR(x[6], static_cast<double>(left), 1e-15);
    EXPECT_NEAR(log_jacobian(simplex, at), static_cast<double>(log_j), 1e-13);

    const std::vector<double> factor = constrain(correlation, at);
    log_j = 0;
    std::size_t next = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      long double squares = 0;
      for (std::size_t j = 0; j < i; ++j, ++next) {
        const long double z = std::tanh(static_cast<long double>(at[next]));
        const long double entry = z * std::sqrt(1.0L - squares);
        EXPECT_NEAR(factor[i * 4 + j], static_cast<double>(entry), 1e-15);
        log_j += std::log(1.0L - z * z) + 0.5L * std::log(1.0L - squares);
        squares += entry * entry;
      }
      EXPECT_NEAR(factor[i * 4 + i], static_cast<double>(std::sqrt(1.0L - squares)), 1e-14);
      for (std::size_t j = i + 1; j < 4; ++j) EXPECT_EQ(factor[i * 4 + j], 0.0);
    }
    EXPECT_NEAR(log_jacobian(correlation, at), static_cast<double>(log_j), 1e-12);
  }
}

TEST(Transforms, JacobiansIntegrateToTheVolumeOfTheSupport) {
  // Trapezoidal sums on the whole line: the integrands are analytic and vanish at the ends.
  const double step = 0.25;
  const auto sum_1d = [&](const Transform& transform) {
    double sum = 0;
    for (int i = -200; i <= 200; ++i) sum += step * std::exp(log_jacobian(transform, {step * i}));
    return sum;
  };
  EXPECT_NEAR(sum_1d(transforms::Bounded(1, transforms::LogitMap(-2.0, 5.0))), 7.0, 1e-12);
  EXPECT_NEAR(sum_1d(transforms::Simplex(2)), 1.0, 1e-13);
  EXPECT_NEAR(sum_1d(transforms::CorrelationCholesky(2)), 2.0, 1e-13);
  double area = 0;  // x_1, x_2 > 0, x_1 + x_2 < 1: half a unit square
  const transforms::Simplex simplex(3);
  for (int i = -160; i <= 160; ++i) {
    for (int j = -160; j <= 160; ++j) area += step * step * std::exp(log_jacobian(simplex, {step * i, step * j}));
  }
  EXPECT_NEAR(area, 0.5, 1e-12);
  // The rule's error is the Fourier transform of sech^3 at 2 pi / step, 1e-11; a step of 0.4 would leave 1e-7.
  double volume = 0;  // L_10 in (-1, 1), (L_20, L_21) in the unit disc
  const transforms::CorrelationCholesky correlation(3);
  const double wide = 0.3;
  for (int i = -48; i <= 48; ++i) {
    for (int j = -48; j <= 48; ++j) {
      for (int k = -48; k <= 48; ++k) volume += wide * wide * wide * std::exp(log_jacobian(correlation, {wide * i, wide * j, wide * k}));
    }
  }
  EXPECT_NEAR(volume, 2.0 * std::numbers::pi, 1e-9);
}

TEST(Transforms, KnownValues) {
  for (const double x : constrain(transforms::Simplex(5), {0, 0, 0, 0})) EXPECT_NEAR(x, 0.2, 1e-16);
  EXPECT_EQ(constrain(transforms::CorrelationCholesky(3), {0, 0, 0}), (std::vector<double>{1, 0, 0, 0, 1, 0, 0, 0, 1}));
  EXPECT_EQ(constrain(transforms::CovarianceCholesky(2), {0, -3, 0}), (std::vector<double>{1, 0, -3, 1}));
  EXPECT_EQ(constrain(transforms::Ordered(3), {-2, 0, 0}), (std::vector<double>{-2, -1, 0}));
  EXPECT_EQ(constrain(transforms::Ordered(2, transforms::Ordered::First::positive), {0, 0}), (std::vector<double>{1, 2}));
  EXPECT_EQ(constrain(transforms::Bounded(1, transforms::LogitMap(-2.0, 4.0)), {0})[0], 1.0);
  EXPECT_EQ(constrain(transforms::PositiveLog(1, transforms::LowerLogMap(3.0)), {0})[0], 4.0);
  EXPECT_EQ(constrain(transforms::UpperLog(1, transforms::UpperLogMap(3.0)), {0})[0], 2.0);
  EXPECT_NEAR(constrain(transforms::PositiveSoftplus(1, transforms::SoftplusMap(3.0)), {0})[0], 3.0 + std::numbers::ln2, 1e-15);
}

void expect_wrong(const Transform& transform, const std::vector<double>& values, const std::string& text) {
  std::vector<double> u(static_cast<std::size_t>(transform.size()));
  const auto wrong = transform.unconstrain(values, u);
  ASSERT_TRUE(wrong.has_value());
  EXPECT_EQ(*wrong, text);
}

TEST(Transforms, UnconstrainNamesTheNumberAndItsSupport) {
  expect_wrong(transforms::PositiveLog(2), {1, 0}, "number 2 is 0 (it must be finite and above 0)");
  expect_wrong(transforms::PositiveSoftplus(2, transforms::SoftplusMap(1.0)), {0.5, 2}, "number 1 is 0.5 (it must be finite and above 1)");
  expect_wrong(transforms::UpperLog(1), {0}, "number 1 is 0 (it must be finite and below 0)");
  expect_wrong(transforms::Bounded(1, transforms::LogitMap(-2.0, 4.0)), {4}, "number 1 is 4 (it must be between -2 and 4)");
  expect_wrong(transforms::Bounded(1, transforms::LogitMap(-2.0, 4.0)), {-2}, "number 1 is -2 (it must be between -2 and 4)");
  expect_wrong(transforms::Ordered(3), {1, 2, 2}, "number 3 is 2 (it must be above 2)");
  expect_wrong(transforms::Ordered(2, transforms::Ordered::First::positive), {0, 2}, "number 1 is 0 (it must be above 0)");
  expect_wrong(transforms::Simplex(3), {0.5, 0.5, 0}, "number 3 is 0 (it must be above 0)");
  expect_wrong(transforms::Simplex(2), {0.5, 0.25}, "the numbers sum to 0.75 (they must sum to 1)");
  expect_wrong(transforms::CorrelationCholesky(2), {1, 0.5, 0, 1}, "entry (1, 2) is 0.5 (it must be 0 above the diagonal)");
  expect_wrong(transforms::CorrelationCholesky(2), {1, 0, 1, 0}, "entry (2, 2) is 0 (it must be above 0 on the diagonal)");
  expect_wrong(transforms::CorrelationCholesky(2), {1, 0, 3, 4}, "row 2 has length 5 (it must be 1)");
  expect_wrong(transforms::CovarianceCholesky(2), {1, 0.5, 0, 1}, "entry (1, 2) is 0.5 (it must be 0 above the diagonal)");
  expect_wrong(transforms::CovarianceCholesky(2), {1, 0, 1, -1}, "entry (2, 2) is -1 (it must be above 0 on the diagonal)");
  expect_wrong(transforms::Simplex(3), {0.5, 0.5}, "2 numbers given (it must have 3)");
}

TEST(Transforms, RefuseBadArguments) {
  EXPECT_THROW(transforms::PositiveLog(0), UserError);
  EXPECT_THROW((transforms::LowerLogMap{INFINITY}), UserError);
  EXPECT_THROW((transforms::UpperLogMap{NAN}), UserError);
  EXPECT_THROW((transforms::SoftplusMap{-INFINITY}), UserError);
  EXPECT_THROW((transforms::LogitMap{1.0, 1.0}), UserError);
  EXPECT_THROW((transforms::LogitMap{0.0, INFINITY}), UserError);
  EXPECT_THROW((transforms::LogitMap{-1e308, 1e308}), UserError);
  EXPECT_THROW(transforms::Ordered(0), UserError);
  EXPECT_THROW(transforms::Simplex(1), UserError);
  EXPECT_THROW(transforms::CorrelationCholesky(1), UserError);
  EXPECT_THROW(transforms::CovarianceCholesky(0), UserError);
}

}  // namespace
}  // namespace variscope
