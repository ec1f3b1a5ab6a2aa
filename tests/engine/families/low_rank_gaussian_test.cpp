/// The low-rank Gaussian: against the full-rank family of the same covariance, where d is far below B, and at its start.
#include "engine/families/low_rank_gaussian.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/families/full_rank_gaussian.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::families {
namespace {

TEST(LowRankGaussian, HasTheEntropyOfTheFullRankFamilyOfTheSameCovariance) {
  // dim 2, rank 3: B B' + diag(d^2) has L_11 = sqrt(S_11), L_21 = S_21 / L_11, L_22 = sqrt(S_22 - L_21^2).
  const std::vector<double> lambda = {0.5, -1, std::log(0.3), std::log(0.7), 1, 0.2, -0.4, 0.6, -0.8, 0.1};
  const LowRankGaussian q(2, 3, lambda);
  const double s11 = 0.09 + 1 + 0.04 + 0.16;
  const double s21 = 0.6 - 0.16 - 0.04;
  const double s22 = 0.49 + 0.36 + 0.64 + 0.01;
  const double l21 = s21 / std::sqrt(s11);
  const std::vector<double> full = {0.5, -1, 0.5 * std::log(s11), 0.5 * std::log(s22 - l21 * l21), l21};
  EXPECT_NEAR(*q.entropy(), *FullRankGaussian(2, full).entropy(), 1e-14);
  std::vector<double> mean(2);
  std::vector<double> sd(2);
  q.moments(mean, sd);
  EXPECT_NEAR(sd[0], std::sqrt(s11), 1e-15);
  EXPECT_NEAR(sd[1], std::sqrt(s22), 1e-15);
}

TEST(LowRankGaussian, KeepsItsDigitsWhereTheDiagonalIsFarBelowTheFactor) {
  // One coordinate, B = 2: z - m is N(0, 4 + d^2) however small d is. In (eps, f): (d eps + 2 f) / sqrt(4 + d^2).
  for (const double log_d : {0.0, -5.0, -20.0, -40.0, -300.0}) {
    const LowRankGaussian q(1, 1, std::vector<double>{0.0, log_d, 2.0});
    const double d = std::exp(log_d);
    const double s = std::sqrt(4 + d * d);
    const tiles::Batch noise = test::random_batch(2, 20, 1.0, 73);
    tiles::Batch z(1, 20);
    tiles::Batch log_q(1, 20);
    tiles::Batch slope(1, 20);
    tiles::Batch score(3, 20);
    q.sample(noise.view(), z.view());
    q.log_density(noise.view(), z.view(), log_q.view());
    q.grad_log_density(noise.view(), z.view(), slope.view());
    q.score(noise.view(), z.view(), score.view());
    for (Index c = 0; c < 20; ++c) {
      const double x = (d * noise(0, c) + 2 * noise(1, c)) / s;
      const double expected = -0.5 * x * x - std::log(s) - 0.5 * std::log(2 * std::numbers::pi);
      // Each rotation turns the noise by an angle that is known to an ulp.
      const double size = std::abs(noise(0, c)) + std::abs(noise(1, c)) + 1;
      // log d and log det C / 2 may be large and of opposite sign.
      EXPECT_NEAR(log_q(0, c), expected, 1e-14 * size * size + 4.5e-16 * std::abs(log_d)) << log_d;
      EXPECT_NEAR(slope(0, c), -x / s, 1e-14 * size) << log_d;
      EXPECT_NEAR(score(0, c), x / s, 1e-14 * size) << log_d;
      // d log q / dB = (x^2 - 1) B / s^2; through 1 / d in the formula, whose numerator is of the order of d.
      EXPECT_NEAR(score(2, c), (x * x - 1) * 2 / (s * s), 1e-13 * size * size) << log_d;
    }
    EXPECT_NEAR(*q.entropy(), 0.5 + std::log(s) + 0.5 * std::log(2 * std::numbers::pi), 1e-13) << log_d;
  }
}

TEST(LowRankGaussian, StartsWithAFactorWhoseColumnsDiffer) {
  const Entry entry = low_rank_gaussian_entry();
  for (const Index dim : {1, 3, 8}) {
    for (const Index rank : {1, 2, 5, 200}) {
      Arguments arguments;
      arguments.dim = dim;
      arguments.numbers = {{"rank", static_cast<double>(rank)}};
      const std::vector<double> sd(static_cast<std::size_t>(dim), 2.0);
      const auto lambda = entry.initial(arguments, sd, sd);
      ASSERT_EQ(static_cast<Index>(lambda.size()), entry.size(arguments));
      const double* factor = lambda.data() + 2 * dim;
      for (Index k = 0; k < rank; ++k) {
        EXPECT_NE(factor[k], 0.0);
        for (Index l = 0; l < k; ++l) EXPECT_NE(std::abs(factor[k]), std::abs(factor[l]));
      }
      std::vector<double> mean(sd.size());
      std::vector<double> made(sd.size());
      entry.make(arguments, lambda)->moments(mean, made);
      for (const double s : made) EXPECT_NEAR(s, 2.0, 1e-13);
    }
  }
}

}  // namespace
}  // namespace variscope::families
