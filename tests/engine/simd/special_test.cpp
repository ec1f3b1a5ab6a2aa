/// exp of either sign and gamma ratios against long double libm and 50 digits of Boost.
#include "engine/simd/special.hpp"

#include <gtest/gtest.h>

#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/trigamma.hpp>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <cmath>
#include <limits>

namespace variscope::simd {
namespace {

TEST(SimdSpecial, ExpOfEitherSignIsAccurate) {
  for (int i = 0; i < 20000; ++i) {
    const double x = -708.0 + (709.0 + 708.0) * i / 19999.0;
    const long double exact = std::exp(static_cast<long double>(x));
    EXPECT_NEAR(exp_bounded(broadcast(x))[0] / static_cast<double>(exact), 1.0, 1.2 * 2.3e-16) << x;
  }
  EXPECT_EQ(exp_bounded(broadcast(-1e4))[0], 0.0);
  EXPECT_EQ(exp_bounded(broadcast(1e4))[0], exp_bounded(broadcast(709.0))[0]);
  EXPECT_TRUE(std::isnan(exp_bounded(broadcast(std::nan("")))[0]));
}

TEST(SimdSpecial, GammaRatiosKeepTheirDigitsWhereLogGammasCancel) {
  // 100 digits: at x = 1e40 a difference of log gammas loses 42 of them.
  using Wide = boost::multiprecision::number<boost::multiprecision::cpp_bin_float<100>>;
  for (const double x : {1e-40, 1e-5, 0.3, 1.0, 4.7, 8.0, 33.3, 1e3, 1e8, 1e20, 1e40}) {
    for (const double y : {0.0, 1.0, 2.0, 7.0, 40.0, 1000.0, 1e7}) {
      const GammaRatio got = gamma_ratio(broadcast(x), broadcast(y));
      const Wide wide_x(x);
      const Wide sum = wide_x + Wide(y);
      const auto log = static_cast<double>(Wide(boost::math::lgamma(sum) - boost::math::lgamma(wide_x)));
      const auto slope = static_cast<double>(Wide(boost::math::digamma(sum) - boost::math::digamma(wide_x)));
      EXPECT_NEAR(got.log[0], log, 1e-13 * (std::abs(log) + y) + 4e-15) << x << ", " << y;
      EXPECT_NEAR(got.slope[0], slope, 1e-13 * std::abs(slope)) << x << ", " << y;
      const auto curvature = static_cast<double>(Wide(boost::math::trigamma(sum) - boost::math::trigamma(wide_x)));
      EXPECT_NEAR(gamma_ratio_curvature(broadcast(x), broadcast(y))[0], curvature, 1e-12 * std::abs(curvature)) << x << ", " << y;
      for (int i = 1; i < kWidth; ++i) EXPECT_EQ(got.log[i], got.log[0]);
    }
  }
}

}  // namespace
}  // namespace variscope::simd
