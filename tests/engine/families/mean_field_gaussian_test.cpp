/// The mean-field Gaussian: moments, log density, score, entropy and pathwise derivative against formulas, quadrature and differences.
#include "engine/families/mean_field_gaussian.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/oracles/quadrature.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::families {
namespace {

const std::vector<double> kLambda = {0.7, -1.3, 2.0, std::log(0.4), std::log(1.0), std::log(2.5)};
constexpr Index kDim = 3;

/// log q(z) in long double, from the density's definition.
long double log_density_at(const std::vector<double>& lambda, const std::vector<long double>& z) {
  long double sum = 0;
  const std::size_t dim = z.size();
  for (std::size_t d = 0; d < dim; ++d) {
    const long double s = std::exp(static_cast<long double>(lambda[dim + d]));
    const long double e = (z[d] - lambda[d]) / s;
    sum -= 0.5L * e * e + std::log(s) + 0.5L * std::log(2 * std::numbers::pi_v<long double>);
  }
  return sum;
}

std::vector<long double> position(const std::vector<double>& lambda, const tiles::Batch& noise, Index s) {
  std::vector<long double> z;
  for (Index d = 0; d < noise.dim(); ++d) {
    const auto i = static_cast<std::size_t>(d);
    z.push_back(lambda[i] + std::exp(static_cast<long double>(lambda[i + static_cast<std::size_t>(noise.dim())])) * noise(d, s));
  }
  return z;
}

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

TEST(MeanFieldGaussian, MomentsOfManySamples) {
  // 3 means and 3 variances, |z| < 4.5: false alarms 4e-5. Var(sample variance) = 2 s^4 / n for normals.
  const Index n = 40000;
  const MeanFieldGaussian q(kLambda);
  const tiles::Batch noise = test::random_batch(kDim, n, 1.0, 61);
  tiles::Batch z(kDim, n);
  q.sample(noise.view(), z.view());
  for (Index d = 0; d < kDim; ++d) {
    const double m = q.mean()[static_cast<std::size_t>(d)];
    const double s = q.scale()[static_cast<std::size_t>(d)];
    double mean = 0;
    double square = 0;
    for (Index i = 0; i < n; ++i) {
      mean += (z(d, i) - m) / static_cast<double>(n);
      square += (z(d, i) - m) * (z(d, i) - m) / static_cast<double>(n);
    }
    EXPECT_LT(std::abs(mean) / (s / std::sqrt(static_cast<double>(n))), 4.5);
    EXPECT_LT(std::abs(square - s * s) / (s * s * std::sqrt(2.0 / static_cast<double>(n))), 4.5);
  }
}

TEST(MeanFieldGaussian, LogDensityIsTheFormula) {
  const MeanFieldGaussian q(kLambda);
  const tiles::Batch noise = test::random_batch(kDim, 20, 3.0, 62);
  tiles::Batch z(kDim, 20);
  tiles::Batch log_q(1, 20);
  q.sample(noise.view(), z.view());
  q.log_density(noise.view(), z.view(), log_q.view());
  for (Index s = 0; s < 20; ++s) {
    const auto expected = static_cast<double>(log_density_at(kLambda, position(kLambda, noise, s)));
    EXPECT_NEAR(log_q(0, s), expected, 1e-14 * (1 + std::abs(expected)));
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
  tiles::Batch place(1, 1);
  tiles::Batch log_q(1, 1);
  for (int k = -60; k <= 60; ++k) {  // 15 scales: the tails beyond are below 1e-48
    const double z = m + k * step;
    noise(0, 0) = (z - m) / s;
    place(0, 0) = z;
    q.log_density(noise.view(), place.view(), log_q.view());
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
  for (std::size_t d = 0; d < 3; ++d) sum += MeanFieldGaussian(std::vector<double>{kLambda[d], kLambda[3 + d]}).entropy().value();
  EXPECT_NEAR(MeanFieldGaussian(kLambda).entropy().value(), sum, 1e-14);
}

TEST(MeanFieldGaussian, ScoreIsTheDerivativeOfLogDensity) {
  // (eps / s, eps^2 - 1): z stays where it is while lambda moves.
  const MeanFieldGaussian q(kLambda);
  const tiles::Batch noise = test::random_batch(kDim, 20, 1.0, 63);
  tiles::Batch place(kDim, 20);
  tiles::Batch score(6, 20);
  q.sample(noise.view(), place.view());
  q.score(noise.view(), place.view(), score.view());
  for (Index s = 0; s < 20; ++s) {
    const auto z = position(kLambda, noise, s);
    std::vector<double> weighted(6, 0.0);
    const double two = 2.0;
    q.add_weighted_score(noise.view(), place.view(), s, s + 1, {&two, 1}, weighted);
    for (std::size_t p = 0; p < 6; ++p) {
      const double h = 1e-4;
      const auto difference = [&](double step) {
        auto up = kLambda;
        auto down = kLambda;
        up[p] += step;
        down[p] -= step;
        return (log_density_at(up, z) - log_density_at(down, z)) / (2 * step);
      };
      // One Richardson step: error O(h^4) times the fifth derivative, which grows with eps^2.
      const auto expected = static_cast<double>((4 * difference(h / 2) - difference(h)) / 3);
      EXPECT_NEAR(score(static_cast<Index>(p), s), expected, 1e-10 * (1 + std::abs(expected))) << "parameter " << p;
      EXPECT_NEAR(weighted[p], 2 * expected, 2e-10 * (1 + std::abs(expected))) << "parameter " << p;
    }
  }
}

TEST(MeanFieldGaussian, PathwiseDerivativeIsThatOfSample) {
  // g = unit vector i picks dz_i / dlambda (1 for the mean, s eps for the log scale).
  const MeanFieldGaussian q(kLambda);
  const tiles::Batch noise = test::random_batch(kDim, 1, 1.0, 64);
  tiles::Batch place(kDim, 1);
  q.sample(noise.view(), place.view());
  for (Index i = 0; i < kDim; ++i) {
    tiles::Batch density(1 + kDim, 1);
    density(1 + i, 0) = 1.0;
    std::vector<double> derivative(6, 0.0);
    q.add_pathwise(noise.view(), place.view(), density.view(), 1, 0, 1, derivative);
    for (std::size_t p = 0; p < 6; ++p) {
      const auto moved = [&](double step) {
        auto lambda = kLambda;
        lambda[p] += step;
        tiles::Batch z(kDim, 1);
        MeanFieldGaussian(lambda).sample(noise.view(), z.view());
        return z(i, 0);
      };
      const double h = 1e-3;
      const double wide = (moved(h) - moved(-h)) / (2 * h);
      const double narrow = (moved(h / 2) - moved(-h / 2)) / h;
      EXPECT_NEAR(derivative[p], (4 * narrow - wide) / 3, 1e-11) << "z " << i << ", parameter " << p;
    }
  }
}

TEST(MeanFieldGaussian, BlocksAndNamesDivideTheParameters) {
  const auto blocks = MeanFieldGaussian(std::vector<double>(10, 0.0)).blocks();
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].name, "mean");
  EXPECT_EQ(blocks[0].parameters, (Range{0, 5}));
  EXPECT_EQ(blocks[1].name, "log_scale");
  EXPECT_EQ(blocks[1].parameters, (Range{5, 10}));
  EXPECT_EQ(MeanFieldGaussian(std::vector<double>(4, 0.0)).parameter_names({"a", "b"}),
            (std::vector<std::string>{"mean[a]", "mean[b]", "log_scale[a]", "log_scale[b]"}));
}

}  // namespace
}  // namespace variscope::families
