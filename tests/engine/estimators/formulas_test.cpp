/// Every catalogued estimator has its formula.
#include "engine/estimators/formulas.hpp"

#include <gtest/gtest.h>

#include "engine/estimators/estimator.hpp"

namespace variscope::estimators {
namespace {

TEST(Formulas, EveryCataloguedEstimatorHasOne) {
  for (const Entry& entry : catalogue()) EXPECT_FALSE(formula(entry.name).empty()) << entry.name;
  EXPECT_TRUE(formula("none").empty());
}

}  // namespace
}  // namespace variscope::estimators
