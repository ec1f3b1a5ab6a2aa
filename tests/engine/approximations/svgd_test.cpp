/// SVGD: its direction against the definition, two particles at convergence in closed form, one particle, and the same bits in any cut.
#include "engine/approximations/svgd.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/random/stream.hpp"

namespace variscope::approximations {
namespace {

using dense::Matrix;

Matrix random_matrix(Index rows, Index columns, std::uint32_t task) {
  Matrix x(rows, columns);
  const random::Stream stream{3, random::Purpose::testing, task, 0, 0};
  for (std::size_t k = 0; k < x.values.size(); ++k) x.values[k] = random::normal(stream, static_cast<std::uint32_t>(k));
  return x;
}

double kernel(const std::vector<double>& x, const double* y, double h) {
  double square = 0;
  for (std::size_t d = 0; d < x.size(); ++d) square += (x[d] - y[d]) * (x[d] - y[d]);
  return std::exp(-square / h);
}

TEST(Svgd, DirectionIsTheDefinitionWithTheKernelsGradientByDifferences) {
  const Index n = 7;
  const Index dim = 3;
  const Matrix x = random_matrix(n, dim, 1);
  const Matrix g = random_matrix(n, dim, 2);
  const double h = 1.7;
  Matrix direction;
  svgd_direction(x, g, h, {0, n}, direction);
  for (Index i = 0; i < n; ++i) {
    for (Index d = 0; d < dim; ++d) {
      double truth = 0;
      for (Index j = 0; j < n; ++j) {
        std::vector<double> at(x.row(j), x.row(j) + dim);
        truth += kernel(at, x.row(i), h) * g(j, d) / static_cast<double>(n);
        at[static_cast<std::size_t>(d)] = x(j, d) + 1e-5;
        const double above = kernel(at, x.row(i), h);
        at[static_cast<std::size_t>(d)] = x(j, d) - 1e-5;
        truth += (above - kernel(at, x.row(i), h)) / 2e-5 / static_cast<double>(n);
      }
      EXPECT_NEAR(direction(i, d), truth, 1e-9);
    }
  }
}

TEST(Svgd, OneParticleClimbsTheGradient) {
  const Matrix x = random_matrix(1, 4, 3);
  const Matrix g = random_matrix(1, 4, 4);
  Matrix direction;
  svgd_direction(x, g, median_bandwidth(x), {0, 1}, direction);
  for (Index d = 0; d < 4; ++d) EXPECT_NEAR(direction(0, d), g(0, d), 1e-15);
}

TEST(Svgd, BandwidthIsTheMedianDistanceSquaredOverLogN) {
  const Matrix three(3, 1, std::vector<double>{0, 1, 5});  // distances 1, 4, 5
  EXPECT_NEAR(median_bandwidth(three), 16 / std::log(3.0), 1e-12);
  const Matrix four(4, 1, std::vector<double>{0, 1, 3, 7});  // 1, 2, 3, 4, 6, 7
  EXPECT_NEAR(median_bandwidth(four), 3.5 * 3.5 / std::log(4.0), 1e-12);
  EXPECT_EQ(median_bandwidth(Matrix(1, 2)), 1);
  EXPECT_EQ(median_bandwidth(Matrix(5, 2)), 1);
}

/// Follows x' = x + step phi on N(mean, sd^2) in every coordinate.
void follow(Matrix& x, double mean, double sd, double fixed_bandwidth, int steps) {
  Matrix g(x.rows, x.columns);
  Matrix direction;
  for (int t = 0; t < steps; ++t) {
    for (std::size_t k = 0; k < g.values.size(); ++k) g.values[k] = (mean - x.values[k]) / (sd * sd);
    svgd_direction(x, g, fixed_bandwidth > 0 ? fixed_bandwidth : median_bandwidth(x), {0, x.rows}, direction);
    for (std::size_t k = 0; k < x.values.size(); ++k) x.values[k] += 0.5 * sd * sd * direction.values[k];
  }
}

/// Two particles mean -+ a on N(mean, sd^2): phi = 0 where (1 - k) / sd^2 = 4 k / h with k = exp(-4 a^2 / h).
TEST(Svgd, TwoParticlesSettleAtTheirClosedForm) {
  const double mean = 1.5;
  const double sd = 0.8;
  for (const double h : {0.5, 2.0, 0.0}) {
    Matrix x(2, 1, std::vector<double>{0.2, 0.9});
    follow(x, mean, sd, h, 4000);
    // The median rule makes k = 1/2 always, so h = 4 sd^2 and a^2 = sd^2 log 2.
    const double a = h > 0 ? std::sqrt(0.25 * h * std::log1p(4 * sd * sd / h)) : sd * std::sqrt(std::log(2.0));
    EXPECT_NEAR(x(0, 0), mean - a, 1e-9) << h;
    EXPECT_NEAR(x(1, 0), mean + a, 1e-9) << h;
  }
}

/// With many particles the moments of the target are met, the mean exactly by symmetry of the stationarity equations.
TEST(Svgd, ManyParticlesMeetTheMomentsOfANormal) {
  Matrix x = random_matrix(60, 1, 5);
  follow(x, 2.0, 0.5, 0, 3000);
  double mean = 0;
  for (const double v : x.values) mean += v / 60;
  double variance = 0;
  for (const double v : x.values) variance += (v - mean) * (v - mean) / 60;
  EXPECT_NEAR(mean, 2.0, 0.01);
  EXPECT_NEAR(std::sqrt(variance), 0.5, 0.03);
  // The broken twin, without repulsion, collapses to the mode.
  Matrix direction;
  Matrix collapsed = random_matrix(60, 1, 5);
  for (int t = 0; t < 1000; ++t) {
    for (double& v : collapsed.values) v += 0.1 * (2.0 - v);
  }
  EXPECT_LT(std::abs(collapsed(0, 0) - collapsed(1, 0)), 1e-6);
}

TEST(Svgd, ParticlesHaveTheSameBitsInAnyCut) {
  const Index n = 21;
  const Matrix x = random_matrix(n, 5, 6);
  const Matrix g = random_matrix(n, 5, 7);
  Matrix whole;
  svgd_direction(x, g, 3.0, {0, n}, whole);
  for (const Index parts : {2, 3, 21}) {
    std::vector<double> joined;
    for (Index part = 0; part < parts; ++part) {
      Matrix some;
      svgd_direction(x, g, 3.0, balanced_range(n, parts, part), some);
      joined.insert(joined.end(), some.values.begin(), some.values.end());
    }
    EXPECT_EQ(joined, whole.values) << parts;
  }
}

}  // namespace
}  // namespace variscope::approximations
