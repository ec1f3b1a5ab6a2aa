/// What every catalogued estimator must do: equal its definition, merge without loss, ask for no more than it needs, and be unbiased.
#include <cmath>

#include <gtest/gtest.h>

#include "tests/conformance/model_subject.hpp"
#include "tests/engine/estimators/call.hpp"
#include "tests/engine/estimators/reference.hpp"

namespace variscope {
namespace {

using estimators::Entry;
using estimators::Objective;
using test::Call;
using test::Subject;

/// A point of the parameter space away from all symmetries.
std::vector<double> some_lambda(Index dim) {
  std::vector<double> lambda;
  for (Index d = 0; d < dim; ++d) lambda.push_back(0.4 - 0.3 * static_cast<double>(d % 4));
  for (Index d = 0; d < dim; ++d) lambda.push_back(-0.7 + 0.2 * static_cast<double>(d % 3));
  return lambda;
}

std::string text(Objective objective) { return objective == Objective::elbo ? "elbo" : "expectation"; }

class EstimatorConformance : public testing::TestWithParam<std::string> {
 protected:
  EstimatorConformance() : entry_(*estimators::find(GetParam())), estimator_(entry_.make()) {}

  /// check(model, objective) for every catalogued model and objective that the estimator serves.
  template <class Check>
  void for_all_models(Check&& check) {
    int served = 0;
    for (const models::Entry& model : models::catalogue()) {
      const Subject subject(model);
      for (const Objective objective : {Objective::elbo, Objective::expectation}) {
        if (entry_.incompatible(*subject.model, objective)) continue;
        SCOPED_TRACE(model.name + ", " + text(objective));
        check(*subject.model, objective);
        ++served;
      }
    }
    EXPECT_GT(served, 0);
  }

  const Entry& entry_;
  std::unique_ptr<estimators::Estimator> estimator_;
};

TEST_P(EstimatorConformance, IsDocumented) {
  EXPECT_FALSE(entry_.summary.empty());
  EXPECT_FALSE(entry_.source.empty());
  EXPECT_FALSE(entry_.cost.empty());
  EXPECT_EQ(entry_.cost.find("gradient") != std::string::npos, estimator_->wanted().gradient) << entry_.cost;
  EXPECT_EQ(entry_.cost.find("value") != std::string::npos, estimator_->wanted().value) << entry_.cost;
  int same_name = 0;
  for (const Entry& other : estimators::catalogue()) same_name += other.name == entry_.name ? 1 : 0;
  EXPECT_EQ(same_name, 1);
  EXPECT_EQ(estimators::find("no_such_estimator"), nullptr);
}

TEST_P(EstimatorConformance, GivesReasonsOrServes) {
  for (const models::Entry& model : models::catalogue()) {
    const Subject subject(model);
    for (const Objective objective : {Objective::elbo, Objective::expectation}) {
      const auto reason = entry_.incompatible(*subject.model, objective);
      if (reason) {
        EXPECT_GT(reason->size(), 10U);
      }
    }
  }
  for (Index samples = 1; samples <= 64; ++samples) {
    const auto reason = entry_.bad_samples(samples);
    if (reason) {
      EXPECT_GT(reason->size(), 10U);
    }
    if (samples % 8 == 0) {
      EXPECT_FALSE(reason.has_value()) << *reason;
    }
  }
}

TEST_P(EstimatorConformance, EqualsItsDefinition) {
  // Rounding: each estimate is a mean of M terms of a few operations; 1e-13 of their mean size is some hundred roundings.
  for_all_models([&](const models::Model& model, Objective objective) {
    const auto lambda = some_lambda(model.dim());
    for (const Index samples : {1, 2, 3, 8, 20, 50}) {
      if (entry_.bad_samples(samples)) continue;
      Call call(*estimator_, model, lambda, samples, 80);
      const auto got = test::estimate(*estimator_, call, objective, samples);
      const auto full = call.evaluate(test::kBoth, true);
      const auto likelihood = call.evaluate(test::kBoth, false);
      const auto expected =
          test::reference_estimate(entry_.name, lambda, call.noise(), full, likelihood, model.gaussian_prior(), objective);
      ASSERT_TRUE(expected.has_value()) << "no reference for " << entry_.name << ": write one in tests/engine/estimators/reference.hpp";
      for (std::size_t p = 0; p < got.size(); ++p) {
        EXPECT_NEAR(got[p], static_cast<double>(expected->gradient[p]), 1e-13 * static_cast<double>(expected->size[p]))
            << "parameter " << p << ", " << samples << " samples";
      }
    }
  });
}

TEST_P(EstimatorConformance, MergedBlocksAreOneBlockToRounding) {
  for_all_models([&](const models::Model& model, Objective objective) {
    const Index samples = 70;
    Call call(*estimator_, model, some_lambda(model.dim()), samples, 81);
    const auto full = call.evaluate(test::kBoth, true);
    const auto likelihood = call.evaluate(test::kBoth, false);
    const auto size =
        test::reference_estimate(entry_.name, some_lambda(model.dim()), call.noise(), full, likelihood, model.gaussian_prior(), objective);
    ASSERT_TRUE(size.has_value());
    const auto whole = test::estimate(*estimator_, call, objective, samples, 0, samples);
    for (const Index block : {1, 3, 8, 16, 64}) {
      const auto merged = test::estimate(*estimator_, call, objective, samples, 0, block);
      for (std::size_t p = 0; p < whole.size(); ++p)
        EXPECT_NEAR(merged[p], whole[p], 1e-13 * static_cast<double>(size->size[p])) << "blocks of " << block << ", parameter " << p;
    }
  });
}

TEST_P(EstimatorConformance, MergingNothingChangesNothing) {
  // A rank without samples contributes the partial that was zero.
  const auto n = static_cast<std::size_t>(estimator_->partial_size(4));
  std::vector<double> left;
  for (std::size_t i = 0; i < n; ++i) left.push_back(i == 0 ? 3.0 : 0.25 * static_cast<double>(i));
  const std::vector<double> before = left;
  estimator_->merge(left, std::vector<double>(n, 0.0));
  EXPECT_EQ(left, before);
  std::vector<double> zero(n, 0.0);
  estimator_->merge(zero, before);
  EXPECT_EQ(zero, before);
}

TEST_P(EstimatorConformance, AReplicateIgnoresWhereItLies) {
  // The same samples at other columns, beside other replicates: the same bits.
  const Subject subject(*models::find("gaussian"));
  if (entry_.incompatible(*subject.model, Objective::elbo)) GTEST_SKIP() << "does not serve the Gaussian";
  const Index dim = subject.model->dim();
  const Call call(*estimator_, *subject.model, some_lambda(dim), 12, 82);
  const auto alone = test::estimate(*estimator_, call, Objective::elbo, 6, 6);
  std::vector<Index> which{6, 7, 8, 9, 10, 11};
  const tiles::Batch noise = test::columns(call.noise(), which);
  const tiles::Batch density = test::columns(call.density(), which);
  EXPECT_EQ(test::estimate(*estimator_, call.context(Objective::elbo, 6), noise.view(), density.view(), 0, tiles::kLanes), alone);
}

TEST_P(EstimatorConformance, AsksForNoMoreThanItCounts) {
  for_all_models([&](const models::Model& model, Objective) {
    const Index samples = 8;
    const Call call(*estimator_, model, some_lambda(model.dim()), samples, 83);
    const models::Wanted wanted = estimator_->wanted();
    const Index prior = estimator_->sampled_prior() ? samples : 0;
    const Index rows = samples * model.rows();
    EXPECT_NE(wanted.value, wanted.gradient);  // today's estimators need one of the two
    EXPECT_EQ(call.counts().value_evaluations, wanted.gradient ? 0 : prior);
    EXPECT_EQ(call.counts().gradient_evaluations, wanted.gradient ? prior : 0);
    EXPECT_EQ(call.counts().value_rows, wanted.gradient ? 0 : rows);
    EXPECT_EQ(call.counts().gradient_rows, wanted.gradient ? rows : 0);
  });
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EstimatorConformance, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const Entry& entry : estimators::catalogue()) names.push_back(entry.name);
                           return names;
                         }()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace variscope
