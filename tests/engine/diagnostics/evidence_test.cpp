/// Log evidence of several runs, by hand.
#include "engine/diagnostics/evidence.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace variscope {
namespace {

using diagnostics::combine_log_evidence;

// Evidences 1 and 3: mean 2, standard error 1, relative 0.5; t_{0.975, 1} = 12.706205 (tables).
TEST(LogEvidence, OfTwoRuns) {
  for (const double shift : {0.0, 900.0, -900.0}) {
    const std::vector<double> estimates = {shift, std::log(3.0) + shift};
    const auto found = combine_log_evidence(estimates);
    EXPECT_NEAR(found.value, std::log(2.0) + shift, 1e-12);
    EXPECT_NEAR(found.error, 0.5, 1e-12);
    EXPECT_NEAR(found.upper - found.value, 0.5 * 12.706205, 1e-6);
    EXPECT_NEAR(found.value - found.lower, 0.5 * 12.706205, 1e-6);
  }
}

TEST(LogEvidence, OfFewAndOfNothing) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto one = combine_log_evidence(std::vector<double>{1.5});
  EXPECT_EQ(one.value, 1.5);
  EXPECT_TRUE(std::isnan(one.error));
  EXPECT_TRUE(std::isnan(combine_log_evidence({}).value));
  EXPECT_TRUE(std::isnan(combine_log_evidence(std::vector<double>{1.0, std::nan("")}).value));
  EXPECT_EQ(combine_log_evidence(std::vector<double>{-infinity, -infinity}).value, -infinity);
  // A run without evidence counts as 0: of (0, 2) the mean is 1.
  EXPECT_NEAR(combine_log_evidence(std::vector<double>{-infinity, std::log(2.0)}).value, 0, 1e-12);
}

}  // namespace
}  // namespace variscope
