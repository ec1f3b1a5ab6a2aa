/// The normal quantile function against Boost.Math in long double: the bulk, both tails to their ends, and any place in memory.
#include "engine/random/inverse_normal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <limits>
#include <vector>

namespace variscope::random {
namespace {

double quantile(double u) {
  inverse_normal(&u, 1);
  return u;
}

long double exact(double u) {
  const boost::math::normal_distribution<long double> normal;
  const auto p = static_cast<long double>(u);
  return u < 0.5 ? boost::math::quantile(normal, p) : boost::math::quantile(boost::math::complement(normal, 1 - p));
}

/// The lattice of to_uniform, nearest below x.
double lattice(double x) { return (std::floor(x * 0x1p52) + 0.5) * 0x1p-52; }

struct Worst {
  double relative = 0;
  double ulps = 0;
};

/// Largest errors at u(i), i < n, and at 1 - u(i).
template <class Grid>
Worst worst_over(int n, Grid&& u) {
  Worst worst;
  for (int i = 0; i < n; ++i) {
    for (const double x : {lattice(u(i)), 1 - lattice(u(i))}) {
      const long double truth = exact(x);
      const double error = static_cast<double>(std::fabs(static_cast<long double>(quantile(x)) - truth));
      const double size = std::fabs(static_cast<double>(truth));
      worst.relative = std::max(worst.relative, error / size);
      worst.ulps = std::max(worst.ulps, error / (std::nextafter(size, std::numeric_limits<double>::infinity()) - size));
    }
  }
  return worst;
}

TEST(InverseNormal, IsAccurateInTheBulkAndInTheTails) {
  constexpr int kN = 20000;
  const Worst bulk = worst_over(kN, [](int i) { return 0.075 + 0.425 * (i + 0.5) / kN; });
  const Worst middle = worst_over(kN, [](int i) { return 0.5 - std::exp2(-1 - 50.0 * i / kN) + 0x1p-52; });  // close to 1/2
  const Worst near = worst_over(kN, [](int i) { return std::exp(-2.5 - 22.5 * i / kN); });
  const Worst far = worst_over(kN, [](int i) { return std::exp(-25 - 11.0 * i / kN); });
  for (const Worst& w : {bulk, middle, near, far}) {
    EXPECT_LT(w.relative, 1e-15);
    EXPECT_LT(w.ulps, 6);
  }
}

TEST(InverseNormal, IsOddAndReachesTheEnds) {
  EXPECT_EQ(quantile(0.5), 0.0);
  EXPECT_NEAR(quantile(0x1p-53) / static_cast<double>(exact(0x1p-53)), 1, 1e-15);
  for (const double u : {0x1p-53, 1e-12, 1e-5, 0.07, 0.08, 0.3}) EXPECT_EQ(quantile(lattice(u)), -quantile(1 - lattice(u)));
}

// Tails are gathered from everywhere and put back: each number must find its place, whatever its neighbours are and however many.
TEST(InverseNormal, DoesNotDependOnPlaceOrNeighbours) {
  for (const int count : {1, 7, 8, 9, 511, 512, 513, 2000}) {
    std::vector<double> z;
    std::vector<double> u;
    for (int i = 0; i < count; ++i) u.push_back(lattice(std::fmod(0.5 + 0.6180339887498949 * i * (i % 5 == 0 ? 1e-3 : 1), 1.0)));
    z = u;
    inverse_normal(z.data(), count);
    for (std::size_t i = 0; i < u.size(); ++i) EXPECT_EQ(z[i], quantile(u[i])) << count << " " << i;
    // All of them tails: the list of those put aside fills up.
    for (double& x : u) x = lattice(x * 0.07);
    z = u;
    inverse_normal(z.data(), count);
    for (std::size_t i = 0; i < u.size(); ++i) EXPECT_EQ(z[i], quantile(u[i])) << count << " " << i;
  }
}

}  // namespace
}  // namespace variscope::random
