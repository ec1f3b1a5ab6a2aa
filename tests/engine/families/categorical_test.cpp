/// The categorical family: against Bernoulli, its inverse distribution function, and what it refuses.
#include "engine/families/categorical.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "engine/families/bernoulli.hpp"

namespace variscope::families {
namespace {

TEST(CategoricalFamily, TwoCategoriesAreABernoulliVariable) {
  const std::vector<double> logits = {0.4, -0.8, -700, 3};
  const CategoricalFamily pairs(2, logits);
  const BernoulliFamily bits(std::vector<double>{0.4 + 0.8, -703});
  EXPECT_EQ(pairs.variables(), 2);
  EXPECT_EQ(pairs.noise().rows(), 2);
  EXPECT_NEAR(*pairs.entropy(), *bits.entropy(), 1e-15);
  for (std::size_t v = 0; v < 2; ++v) EXPECT_NEAR(pairs.probabilities()[2 * v], bits.probabilities()[v], 1e-15);
}

TEST(CategoricalFamily, SamplesOneHotVectorsByTheInverseCdf) {
  const CategoricalFamily q(3, std::vector<double>{std::log(0.2), std::log(0.5), std::log(0.3)});
  const std::vector<double> uniforms = {0.01, 0.19, 0.21, 0.69, 0.71, 0.99};
  tiles::Batch noise(1, 6);
  for (Index s = 0; s < 6; ++s) noise(0, s) = uniforms[static_cast<std::size_t>(s)];
  tiles::Batch z(3, 6);
  q.sample(noise.view(), z.view());
  for (Index s = 0; s < 6; ++s) {
    for (Index k = 0; k < 3; ++k) EXPECT_EQ(z(k, s), s / 2 == k ? 1.0 : 0.0);
  }
}

TEST(CategoricalFamily, RefusesCoordinatesThatNoNumberOfVariablesHas) {
  const Entry entry = categorical_entry();
  Arguments arguments;
  arguments.dim = 4;
  arguments.numbers = {{"categories", 3}};
  const std::vector<double> four(4, 0.25);
  EXPECT_THROW(entry.size(arguments), UserError);
  EXPECT_THROW(entry.initial(arguments, four, four), UserError);
  EXPECT_THROW(entry.make(arguments, four), UserError);
  arguments.dim = 6;
  EXPECT_EQ(entry.size(arguments), 6);
}

}  // namespace
}  // namespace variscope::families
