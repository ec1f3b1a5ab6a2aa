/// The Gaussian mixture: one component is a mean-field normal, the uniform chooses by cumulated weights, components start apart.
#include "engine/families/gaussian_mixture.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/families/mean_field_gaussian.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::families {
namespace {

TEST(GaussianMixture, OneComponentIsTheMeanFieldFamily) {
  const std::vector<double> lambda = {0.7, -1.3, 2.0, std::log(0.4), 0.0, -300.0};
  const GaussianMixture mixture(3, 1, lambda);
  const MeanFieldGaussian mean_field(lambda);
  EXPECT_EQ(mixture.blocks().size(), 2U);
  tiles::Batch noise = test::random_batch(4, 11, 1.0, 74);
  for (Index s = 0; s < 11; ++s) noise(3, s) = 0.05 + 0.09 * static_cast<double>(s);
  tiles::Batch a(3, 11);
  tiles::Batch b(3, 11);
  tiles::Batch score_a(6, 11);
  tiles::Batch score_b(6, 11);
  tiles::Batch log_a(1, 11);
  tiles::Batch log_b(1, 11);
  // The mean-field family reads the rows of its own noise alone.
  tiles::Batch normals(3, 11);
  for (Index s = 0; s < 11; ++s) {
    for (Index d = 0; d < 3; ++d) normals(d, s) = noise(d, s);
  }
  mixture.sample(noise.view(), a.view());
  mean_field.sample(normals.view(), b.view());
  mixture.score(noise.view(), a.view(), score_a.view());
  mean_field.score(normals.view(), b.view(), score_b.view());
  mixture.log_density(noise.view(), a.view(), log_a.view());
  mean_field.log_density(normals.view(), b.view(), log_b.view());
  for (Index s = 0; s < 11; ++s) {
    for (Index d = 0; d < 3; ++d) EXPECT_EQ(a(d, s), b(d, s));
    for (Index p = 0; p < 6; ++p) EXPECT_DOUBLE_EQ(score_a(p, s), score_b(p, s)) << p;
    EXPECT_NEAR(log_a(0, s), log_b(0, s), 1e-13 * std::abs(log_b(0, s)));
  }
}

TEST(GaussianMixture, TheUniformChoosesByCumulatedWeights) {
  // Weights 0.2, 0.3, 0.5; components at 10, 20 and 30 with scale 1.
  const std::vector<double> lambda = {std::log(0.4), std::log(0.6), 10, 20, 30, 0, 0, 0};
  const GaussianMixture q(1, 3, lambda);
  EXPECT_NEAR(q.weights()[0], 0.2, 1e-15);
  EXPECT_NEAR(q.weights()[1], 0.3, 1e-15);
  EXPECT_NEAR(q.weights()[2], 0.5, 1e-15);
  const std::vector<double> uniforms = {0.001, 0.199, 0.201, 0.499, 0.501, 0.999};
  const std::vector<double> centres = {10, 10, 20, 20, 30, 30};
  tiles::Batch noise(2, 6);
  for (Index s = 0; s < 6; ++s) {
    noise(0, s) = 0.25;
    noise(1, s) = uniforms[static_cast<std::size_t>(s)];
  }
  tiles::Batch z(1, 6);
  q.sample(noise.view(), z.view());
  for (Index s = 0; s < 6; ++s) EXPECT_EQ(z(0, s), centres[static_cast<std::size_t>(s)] + 0.25);
}

TEST(GaussianMixture, ComponentsStartApartButNear) {
  const Entry entry = gaussian_mixture_entry();
  for (const Index dim : {1, 4, 100}) {
    for (const Index components : {1, 2, 7}) {
      Arguments arguments;
      arguments.dim = dim;
      arguments.numbers = {{"components", static_cast<double>(components)}};
      const std::vector<double> mean(static_cast<std::size_t>(dim), 1.0);
      const std::vector<double> sd(static_cast<std::size_t>(dim), 2.0);
      const auto lambda = entry.initial(arguments, mean, sd);
      ASSERT_EQ(static_cast<Index>(lambda.size()), entry.size(arguments));
      const double* means = lambda.data() + components - 1;
      for (Index k = 1; k < components; ++k) EXPECT_GT(means[k * dim], means[(k - 1) * dim]);
      // Between the first and the last in units of sd: at most sqrt(12) / 2, in any dimension.
      double square = 0;
      for (Index d = 0; d < dim; ++d) square += std::pow((means[(components - 1) * dim + d] - means[d]) / 2.0, 2);
      EXPECT_LE(std::sqrt(square), std::sqrt(3.0));
      std::vector<double> made_mean(mean.size());
      std::vector<double> made_sd(mean.size());
      entry.make(arguments, lambda)->moments(made_mean, made_sd);
      for (std::size_t d = 0; d < mean.size(); ++d) {
        EXPECT_NEAR(made_mean[d], 1.0, 1e-13);
        EXPECT_NEAR(made_sd[d], 2.0, 1e-13);
      }
    }
  }
}

}  // namespace
}  // namespace variscope::families
