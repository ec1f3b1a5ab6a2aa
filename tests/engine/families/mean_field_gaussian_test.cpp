/// The mean-field Gaussian beside what every family is tested for: its accessors, the bits of a sample, its density at any scale.
#include "engine/families/mean_field_gaussian.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/engine/models/evaluate.hpp"

namespace variscope::families {
namespace {

const std::vector<double> kLambda = {0.7, -1.3, 2.0, std::log(0.4), std::log(1.0), std::log(2.5)};
constexpr Index kDim = 3;

TEST(MeanFieldGaussian, HoldsMeanAndScale) {
  const MeanFieldGaussian q(kLambda);
  EXPECT_EQ(q.dim(), kDim);
  EXPECT_EQ(q.mean(), (std::vector<double>{0.7, -1.3, 2.0}));
  for (std::size_t d = 0; d < 3; ++d) EXPECT_EQ(q.scale()[d], std::exp(kLambda[3 + d]));
}

TEST(MeanFieldGaussian, SampleIsOneFmaInAnyLane) {
  const MeanFieldGaussian q(kLambda);
  for (const Index count : {1, 7, 8, 21}) {
    const tiles::Batch noise = test::random_batch(kDim, count, 1.0, 60);
    tiles::Batch z(kDim, count);
    q.sample(noise.view(), z.view());
    for (Index s = 0; s < count; ++s) {
      for (Index d = 0; d < kDim; ++d) {
        const auto i = static_cast<std::size_t>(d);
        EXPECT_EQ(z(d, s), std::fma(q.scale()[i], noise(d, s), q.mean()[i]));
      }
    }
  }
}

/// E over z of g(z) exp(log q(z)) by the trapezoidal rule in z; one dimension.
template <class F>
double integral(const MeanFieldGaussian& q, F&& g) {
  const double m = q.mean()[0];
  const double s = q.scale()[0];
  const double step = s / 4;
  double sum = 0;
  tiles::Batch noise(1, 1);
  tiles::Batch log_q(1, 1);
  for (int k = -60; k <= 60; ++k) {  // 15 scales: the tails beyond are below 1e-48
    const double z = m + k * step;
    noise(0, 0) = (z - m) / s;
    q.log_density(noise.view(), noise.view(), log_q.view());
    sum += step * std::exp(log_q(0, 0)) * g(z, log_q(0, 0));
  }
  return sum;
}

TEST(MeanFieldGaussian, DensityIntegratesToOneWithItsMomentsAndEntropy) {
  for (const double m : {-2.0, 0.0, 5.0}) {
    for (const double s : {0.01, 1.0, 30.0}) {
      const std::vector<double> lambda{m, std::log(s)};
      const MeanFieldGaussian q(lambda);
      EXPECT_NEAR(integral(q, [](double, double) { return 1.0; }), 1.0, 1e-13);
      EXPECT_NEAR(integral(q, [](double z, double) { return z; }), m, 1e-13 * (1 + s));
      EXPECT_NEAR(integral(q, [&](double z, double) { return (z - m) * (z - m); }), s * s, 1e-12 * s * s);
      EXPECT_NEAR(integral(q, [](double, double log_q) { return -log_q; }), *q.entropy(), 1e-12);
    }
  }
  // The entropy of a product is the sum.
  double sum = 0;
  for (std::size_t d = 0; d < 3; ++d) sum += *MeanFieldGaussian(std::vector<double>{kLambda[d], kLambda[3 + d]}).entropy();
  EXPECT_NEAR(*MeanFieldGaussian(kLambda).entropy(), sum, 1e-14);
}

}  // namespace
}  // namespace variscope::families
