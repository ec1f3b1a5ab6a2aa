/// The Bernoulli family: its convention of sampling, its digits where one value is certain, its start.
#include "engine/families/bernoulli.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace variscope::families {
namespace {

TEST(BernoulliFamily, SamplesByTheConventionOfArm) {
  // P(z = 1) = 1/4: z = 1 exactly above u = sigmoid(-phi) = 3/4; the partner 1[u < sigmoid(phi)] is 1 below 1/4.
  const BernoulliFamily q(std::vector<double>{-std::log(3.0)});
  EXPECT_DOUBLE_EQ(q.probabilities()[0], 0.25);
  const std::vector<double> uniforms = {0.01, 0.24, 0.26, 0.74, 0.76, 0.99};
  tiles::Batch noise(1, 6);
  for (Index s = 0; s < 6; ++s) noise(0, s) = uniforms[static_cast<std::size_t>(s)];
  tiles::Batch z(1, 6);
  q.sample(noise.view(), z.view());
  for (Index s = 0; s < 6; ++s) EXPECT_EQ(z(0, s), s >= 4 ? 1.0 : 0.0);
  EXPECT_EQ(q.bernoulli(), &q);
}

TEST(BernoulliFamily, KeepsItsDigitsWhereOneValueIsCertain) {
  // With e = exp(-phi) small: H = e (1 + phi), dH / dphi = -phi e, score at z = 1 is e, each up to a factor 1 + O(e).
  for (const double phi : {40.0, 300.0, 700.0}) {
    const BernoulliFamily q(std::vector<double>{phi});
    const double e = std::exp(-phi);
    EXPECT_NEAR(*q.entropy() / (e * (1 + phi)), 1.0, 1e-14);
    std::vector<double> gradient(1, 0.0);
    q.add_entropy_gradient(gradient);
    EXPECT_NEAR(gradient[0] / (-phi * e), 1.0, 1e-14);
    const tiles::Batch noise(1, 1);
    tiles::Batch one(1, 1);
    one(0, 0) = 1.0;
    tiles::Batch score(1, 1);
    q.score(noise.view(), one.view(), score.view());
    EXPECT_NEAR(score(0, 0) / e, 1.0, 1e-14);
    EXPECT_NEAR(q.inverse_fisher_diagonal()[0] * e, 1.0, 1e-14);
  }
}

TEST(BernoulliFamily, StartsAtTheClampedMean) {
  const Entry entry = bernoulli_entry();
  Arguments arguments;
  arguments.dim = 4;
  const std::vector<double> asked = {-3, 0.25, 0.5, 1};
  const auto lambda = entry.initial(arguments, asked, asked);
  const BernoulliFamily q(lambda);
  EXPECT_NEAR(q.probabilities()[0], 0.01, 1e-15);
  EXPECT_NEAR(q.probabilities()[1], 0.25, 1e-15);
  EXPECT_EQ(q.probabilities()[2], 0.5);
  EXPECT_NEAR(q.probabilities()[3], 0.99, 1e-15);
}

}  // namespace
}  // namespace variscope::families
