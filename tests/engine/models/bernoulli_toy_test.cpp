/// The Bernoulli toy: its values at 0 and 1, the exact Bernoulli expectation, and what it refuses.
#include "engine/models/bernoulli_toy.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "engine/error.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::models {
namespace {

// All 8 corners with Bernoulli weights: E f = sum_d [theta_d (1 - p0)^2 + (1 - theta_d) p0^2].
TEST(BernoulliToy, HasTheExpectationOverCorners) {
  const BernoulliToy model(3, 0.49);
  const double theta[3] = {0.5, 0.2, 0.9};
  tiles::Batch corners(3, 8);
  for (Index s = 0; s < 8; ++s) {
    for (Index d = 0; d < 3; ++d) corners(d, s) = ((s >> d) & 1) == 1 ? 1.0 : 0.0;
  }
  const tiles::Batch out = test::prior(model, corners, test::kBoth);
  double mean = 0;
  for (Index s = 0; s < 8; ++s) {
    double weight = 1;
    for (Index d = 0; d < 3; ++d) {
      weight *= corners(d, s) == 1 ? theta[d] : 1 - theta[d];
      EXPECT_NEAR(out(1 + d, s), corners(d, s) == 1 ? 1.02 : -0.98, 1e-15);
    }
    mean += weight * out(0, s);
  }
  EXPECT_NEAR(mean, 1.6 * 0.51 * 0.51 + 1.4 * 0.49 * 0.49, 1e-15);
}

TEST(BernoulliToy, RefusesWhatMakesNoSense) {
  EXPECT_THROW(BernoulliToy(0, 0.49), UserError);
  EXPECT_THROW(BernoulliToy(1.5, 0.49), UserError);
  EXPECT_THROW(BernoulliToy(std::numeric_limits<double>::quiet_NaN(), 0.49), UserError);
  EXPECT_THROW(BernoulliToy(1, std::numeric_limits<double>::infinity()), UserError);
}

}  // namespace
}  // namespace variscope::models
