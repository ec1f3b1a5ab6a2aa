/// The truth test: measured means and variances of every estimator against closed forms and quadrature, and broken twins that are caught.
#include "experiments/selftest/selftest.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>

#include "engine/oracles/truth.hpp"
#include "engine/random/stream.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/selftest/cases.hpp"

namespace variscope::experiments {
namespace {

constexpr Index kReplicates = 40000;
constexpr int kThreads = 2;

const std::vector<SelftestTarget>& targets() {
  static const std::vector<SelftestTarget> all = selftest_targets();
  return all;
}

class SelftestTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(SelftestTest, EveryRowIsAsItMustBe) {
  const auto rows = targets().at(GetParam()).run(kSelftestSeed, kReplicates, kThreads);
  ASSERT_FALSE(rows.empty());
  for (const SelftestRow& row : rows) {
    SCOPED_TRACE(row.target + ": " + row.estimator);
    EXPECT_TRUE(row.passed) << row.verdict() << ": mean z " << row.mean_z << ", variance z " << row.variance_z << ", limit "
                            << row.threshold;
    // A limit that nothing reaches would pass everything.
    EXPECT_LT(row.threshold, 6);
    EXPECT_GE(row.measured, 0);
    EXPECT_FALSE(std::isnan(row.mean_z) && std::isnan(row.variance_z));
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, SelftestTest, ::testing::Range(std::size_t{0}, targets().size()), [](const auto& at) {
  std::string name;
  for (const char c : targets().at(at.param).name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
  }
  return name;
});

/// Names of all rows, from too few replicates to say anything.
const std::vector<SelftestRow>& hasty_rows() {
  static const std::vector<SelftestRow> rows = [] {
    std::vector<SelftestRow> all;
    for (const SelftestTarget& target : targets()) {
      for (SelftestRow& row : target.run(kSelftestSeed, 10 * kSelftestBatches, kThreads)) all.push_back(std::move(row));
    }
    return all;
  }();
  return rows;
}

TEST(Selftest, HoldsTheWholeCatalogueAgainstAnExactVariance) {
  std::set<std::string> exact;
  for (const SelftestRow& row : hasty_rows()) {
    // "svrg, B = 3": what only minibatches have is held against components.
    if (!row.broken && row.remark.empty()) exact.insert(row.estimator.substr(0, row.estimator.find(',')));
  }
  for (const estimators::Entry& entry : estimators::catalogue()) {
    // Biased by its own samples: no closed form; a twin of sf_rb here, and written out once more in
    // tests/engine/estimators/reference.hpp.
    EXPECT_EQ(exact.contains(entry.name), entry.name != "sf_rb_same") << entry.name;
  }
}

TEST(Selftest, HoldsEveryFamilyAgainstAnExactVariance) {
  std::set<std::string> families;
  for (const SelftestCase& at : selftest_cases()) {
    for (const SelftestRow& row : hasty_rows()) {
      if (row.target == at.name && !row.broken && row.remark.empty()) families.insert(at.family);
    }
  }
  for (const families::Entry& family : families::catalogue()) EXPECT_TRUE(families.contains(family.name)) << family.name;
}

TEST(Selftest, HoldsEveryPolicyForRowsAgainstExactComponents) {
  // Of seven rows in two shards: what their own components give, not what rows dealt at random would have.
  for (const char* target : {"noise: normal mean, 7 rows", "noise: linear regression, SVRG"}) {
    for (const char* noise : {"independent", "shared"}) {
      std::map<std::string, double> exact;
      for (const SelftestRow& row : hasty_rows()) {
        for (const char* rows : {"with replacement", "without replacement", "disjoint", "epoch", "shards"}) {
          if (row.target == target && !row.broken && row.estimator.ends_with(fmt::format(", R = 2, {}, {}", noise, rows)))
            exact[rows] = row.exact;
        }
      }
      ASSERT_EQ(exact.size(), 5U) << target;
      EXPECT_GT(std::abs(std::log(exact["shards"] / exact["disjoint"])), 0.01) << target;
    }
  }
}

TEST(Selftest, HasEveryNegativeControlOfTheProtocol) {
  for (const char* control : {"without entropy", "iwae without score term", "rebar without its score term", "without N/B",
                              "N/B in whole numbers", "of the same samples", "over its own norm", "one stream", "without all rows' share",
                              "at half its weight", "without the table's sum", "its neighbour's"}) {
    const auto found = std::any_of(hasty_rows().begin(), hasty_rows().end(),
                                   [&](const SelftestRow& row) { return row.broken && row.estimator.find(control) != std::string::npos; });
    EXPECT_TRUE(found) << control;
  }
}

TEST(Selftest, RowsDoNotDependOnTheNumberOfThreads) {
  const SelftestTarget& target = targets().front();
  const auto one = target.run(kSelftestSeed, 4 * kSelftestBatches, 1);
  const auto three = target.run(kSelftestSeed, 4 * kSelftestBatches, 3);
  ASSERT_EQ(one.size(), three.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].measured, three[i].measured) << one[i].estimator;
    EXPECT_EQ(one[i].mean_z, three[i].mean_z) << one[i].estimator;
  }
}

TEST(Selftest, SeedsComeFromNamesAlone) {
  // A row alone draws what it draws among others: the same figures from a run of its target only, whatever stands before it.
  EXPECT_EQ(row_seed(1, "a"), row_seed(1, "a"));
  EXPECT_NE(row_seed(1, "a"), row_seed(1, "b"));
  EXPECT_NE(row_seed(1, "a"), row_seed(2, "a"));
  std::set<std::string> names;
  std::set<std::uint64_t> seeds;
  for (const SelftestRow& row : hasty_rows()) {
    names.insert(row.target + ": " + row.estimator);
    seeds.insert(row_seed(kSelftestSeed, row.target + ": " + row.estimator));
  }
  EXPECT_EQ(names.size(), hasty_rows().size());
  EXPECT_EQ(seeds.size(), names.size());
}

/// The t test of batches keeps its rate: 8000 rows of 200 batches whose numbers are as skewed as squares of normals are. At a rate of
/// 1e-6 none must fail; how many pass 1.97 (5 %) tells the rest of the law: 4 standard errors about that.
TEST(Selftest, BatchesAreJudgedAtTheirRate) {
  constexpr int kRows = 8000;
  int failed = 0;
  int beyond = 0;
  std::vector<double> batches(static_cast<std::size_t>(kSelftestBatches));
  for (int i = 0; i < kRows; ++i) {
    const random::Stream stream{3, random::Purpose::testing, 9, static_cast<std::uint32_t>(i), 0};
    for (std::size_t b = 0; b < batches.size(); ++b) {
      double sum = 0;
      for (std::uint32_t k = 0; k < 8; ++k) sum += std::pow(random::normal(stream, static_cast<std::uint32_t>(b) * 8 + k), 2) / 8;
      batches[b] = sum;
    }
    SelftestRow row;
    failed += judge_batches(batches, 1, 0, row) ? 1 : 0;
    beyond += row.variance_z > 1.972 ? 1 : 0;
  }
  EXPECT_EQ(failed, 0);
  // The correction for skewness may clear a row and never accuses one.
  EXPECT_LT(beyond, 0.05 * kRows + 4 * std::sqrt(0.05 * 0.95 * kRows));
  EXPECT_GT(beyond, 0.04 * kRows - 4 * std::sqrt(0.04 * 0.96 * kRows));
  // The mean of 200 batches of eight has a standard error of 3.5 %: half as much again is found.
  SelftestRow row;
  EXPECT_TRUE(judge_batches(batches, 1.5, 0, row));
}

/// What the verdicts are made of can tell: a truth that is off by a few percent is refused.
TEST(Selftest, RefusesAWrongTruth) {
  const SelftestCase at = selftest_cases().front();
  const Scene scene(at);
  const auto truth = oracles::truth("pw_cfe", *scene.model, at.family, at.lambda, at.objective, at.samples);
  ASSERT_TRUE(truth.has_value());
  const auto estimator = estimators::find("pw_cfe")->make();
  const BatchMoments moments = measure(scene.subject(at, kSelftestSeed), {{estimator.get(), {}}}, {truth->mean}, kReplicates, kThreads)[0];
  const Judged right{at.lambda, truth->mean, truth->error, true};
  SelftestRow row;
  EXPECT_FALSE(judge_mean(moments, right, row));
  EXPECT_FALSE(judge_variance(moments, right, truth->variance, row));
  std::vector<double> wrong = truth->variance;
  for (double& v : wrong) v *= 0.93;
  EXPECT_TRUE(judge_variance(moments, right, wrong, row));
}

}  // namespace
}  // namespace variscope::experiments
