/// The truth test: measured means and variances of every estimator against closed forms and quadrature, and broken twins that are caught.
#include "experiments/run/selftest.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace variscope::experiments {
namespace {

constexpr Index kReplicates = 40000;
constexpr int kThreads = 1;

class SelftestTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(SelftestTest, EveryRowIsAsItMustBe) {
  const SelftestCase at = selftest_cases().at(GetParam());
  const auto rows = run_selftest_case(at, kReplicates, kThreads);
  ASSERT_FALSE(rows.empty());
  for (const SelftestRow& row : rows) {
    SCOPED_TRACE(row.target + ": " + row.estimator);
    EXPECT_TRUE(row.passed) << "mean z " << row.mean_z << ", variance z " << row.variance_z << ", limit " << row.threshold;
    EXPECT_GT(row.exact_trace, 0);
    // A zero would pass any limit: something must have been measured.
    EXPECT_GT(row.measured_trace, 0);
    EXPECT_LT(row.threshold, 6);
    if (row.broken) {
      EXPECT_GT(row.mean_z, 10) << "hardly caught";
    }
  }
  const auto broken = std::count_if(rows.begin(), rows.end(), [](const SelftestRow& row) { return row.broken; });
  EXPECT_EQ(broken > 0, at.objective == estimators::Objective::elbo);
}

INSTANTIATE_TEST_SUITE_P(Cases, SelftestTest, ::testing::Range(std::size_t{0}, selftest_cases().size()), [](const auto& at) {
  const std::string target = selftest_cases().at(at.param).name;
  std::string name;
  for (const char c : target) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
  }
  return name;
});

TEST(Selftest, CoversTheTargetsOfTheProtocol) {
  const auto cases = selftest_cases();
  const auto count = [&](const std::string& model) {
    return std::count_if(cases.begin(), cases.end(), [&](const SelftestCase& at) { return at.model == model; });
  };
  EXPECT_GE(count("gaussian"), 3);
  EXPECT_GE(count("banana"), 2);
  EXPECT_GE(count("univariate"), 5);
}

}  // namespace
}  // namespace variscope::experiments
