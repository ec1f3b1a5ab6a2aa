/// Every estimator that specs can name has a truth on the conjugate normal mean, just where it can be used.
#include <gtest/gtest.h>

#include "engine/estimators/estimator.hpp"
#include "engine/oracles/truth.hpp"
#include "tests/engine/oracles/small_models.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;

TEST(Truth, KnowsEveryCataloguedEstimator) {
  const test::NormalMean model({0.3, -1.2, 2.1, 0.8});
  for (const estimators::Entry& entry : estimators::catalogue()) {
    for (const auto objective : {Objective::elbo, Objective::expectation}) {
      for (const Index samples : {1, 2, 3}) {
        const bool serves = !entry.incompatible(model, objective) && !entry.bad_samples(samples);
        EXPECT_EQ(truth(entry.name, model, std::vector<double>{0.1, -0.2}, objective, samples).has_value(), serves)
            << entry.name << " " << samples;
      }
    }
  }
}

}  // namespace
}  // namespace variscope::oracles
