/// The full-rank Gaussian: its covariance, its diagonal case and the agreement of all ways to split a sum over columns.
#include "engine/families/full_rank_gaussian.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/families/mean_field_gaussian.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::families {
namespace {

TEST(FullRankGaussian, ReadsTheFactorRowByRow) {
  // m = (1, 2, 3), L = [[2, 0, 0], [0.5, 1, 0], [-1, 0.25, 4]].
  const std::vector<double> lambda = {1, 2, 3, std::log(2.0), 0.0, std::log(4.0), 0.5, -1, 0.25};
  const FullRankGaussian q(3, lambda);
  EXPECT_EQ(q.parameters(), 9);
  EXPECT_DOUBLE_EQ(q.factor(0, 0), 2);
  EXPECT_EQ(q.factor(1, 0), 0.5);
  EXPECT_EQ(q.factor(2, 0), -1);
  EXPECT_EQ(q.factor(2, 1), 0.25);
  std::vector<double> mean(3);
  std::vector<double> sd(3);
  q.moments(mean, sd);
  EXPECT_EQ(mean, (std::vector<double>{1, 2, 3}));
  EXPECT_DOUBLE_EQ(sd[0], 2);
  EXPECT_DOUBLE_EQ(sd[1], std::sqrt(1.25));
  EXPECT_DOUBLE_EQ(sd[2], std::sqrt(1 + 0.0625 + 16));
  tiles::Batch noise(3, 1);
  noise(0, 0) = 1;
  noise(1, 0) = -2;
  noise(2, 0) = 0.5;
  tiles::Batch z(3, 1);
  q.sample(noise.view(), z.view());
  EXPECT_DOUBLE_EQ(z(0, 0), 3);
  EXPECT_DOUBLE_EQ(z(1, 0), 0.5);
  EXPECT_DOUBLE_EQ(z(2, 0), 3.5);
}

TEST(FullRankGaussian, DiagonalFactorIsTheMeanFieldFamily) {
  for (const Index dim : {1, 7, 8, 9, 20}) {
    std::vector<double> lambda;
    for (Index p = 0; p < 2 * dim; ++p) lambda.push_back(0.3 * static_cast<double>(p % 5) - 0.7);
    const MeanFieldGaussian mean_field(lambda);
    lambda.resize(static_cast<std::size_t>(FullRankGaussian::size(dim)), 0.0);
    const FullRankGaussian full(dim, lambda);
    EXPECT_EQ(full.blocks().size(), dim == 1 ? 2U : 3U);
    EXPECT_NEAR(*full.entropy(), *mean_field.entropy(), 1e-13);
    const tiles::Batch noise = test::random_batch(dim, 11, 1.0, 70);
    tiles::Batch a(dim, 11);
    tiles::Batch b(dim, 11);
    full.sample(noise.view(), a.view());
    mean_field.sample(noise.view(), b.view());
    tiles::Batch score_a(full.parameters(), 11);
    tiles::Batch score_b(2 * dim, 11);
    full.score(noise.view(), a.view(), score_a.view());
    mean_field.score(noise.view(), b.view(), score_b.view());
    for (Index s = 0; s < 11; ++s) {
      for (Index d = 0; d < dim; ++d) EXPECT_NEAR(a(d, s), b(d, s), 1e-14 * (1 + std::abs(b(d, s))));
      for (Index p = 0; p < 2 * dim; ++p) EXPECT_NEAR(score_a(p, s), score_b(p, s), 1e-13 * (1 + std::abs(score_b(p, s))));
    }
  }
}

TEST(FullRankGaussian, OuterProductsAreInTheOrderOfColumns) {
  // Off the diagonal every element is a chain of fused products in the order of the columns: any cut of [0, 29) gives the same bits.
  const Index dim = 19;
  const Index count = 29;
  const FullRankGaussian q(dim, std::vector<double>(static_cast<std::size_t>(FullRankGaussian::size(dim)), 0.1));
  const tiles::Batch noise = test::random_batch(dim, count, 1.0, 71);
  const tiles::Batch g = test::random_batch(2 + dim, count, 1.0, 72);
  tiles::Batch z(dim, count);
  q.sample(noise.view(), z.view());
  std::vector<double> whole(static_cast<std::size_t>(q.parameters()), 0.0);
  q.add_pathwise(noise.view(), z.view(), g.view(), 2, 0, count, whole);
  for (const Index cut : {1, 3, 8, 11, 24}) {
    std::vector<double> parts(whole.size(), 0.0);
    q.add_pathwise(noise.view(), z.view(), g.view(), 2, 0, cut, parts);
    q.add_pathwise(noise.view(), z.view(), g.view(), 2, cut, count, parts);
    EXPECT_EQ(whole, parts) << "cut " << cut;
  }
  std::size_t p = static_cast<std::size_t>(2 * dim);
  for (Index i = 0; i < dim; ++i) {
    for (Index j = 0; j < i; ++j) {
      double sum = 0;
      for (Index c = 0; c < count; ++c) sum = std::fma(g(2 + i, c), noise(j, c), sum);
      EXPECT_EQ(whole[p++], sum);
    }
  }
}

}  // namespace
}  // namespace variscope::families
