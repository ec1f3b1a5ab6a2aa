/// Families with points: derivatives against finite differences at fixed noise, q over the other coordinates alone, estimators refused.
#include "engine/families/with_points.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "engine/estimators/estimator.hpp"
#include "engine/models/banana.hpp"
#include "tests/conformance/family_subject.hpp"

namespace variscope::families {
namespace {

using tiles::Batch;

struct Case {
  std::string family;
  std::vector<Index> points;
};

class WithPointsTest : public testing::TestWithParam<Case> {
 protected:
  static constexpr Index kDim = 5;
  static constexpr Index kCount = 13;
  const Entry entry_ = with_points(*find(GetParam().family), GetParam().points);
  const test::FamilySubject subject_{entry_, kDim};
  const test::Draws draws_{*subject_.family, kCount, 2};

  [[nodiscard]] Batch sample(const std::vector<double>& lambda) const {
    Batch z(kDim, kCount);
    subject_.at(lambda)->sample(draws_.noise.view(), z.view());
    return z;
  }
  /// A smooth function of all coordinates with interactions, and its gradient in rows 1 to dim, as a density batch.
  static Batch density(const Batch& z) {
    Batch out(1 + kDim, z.count());
    for (Index s = 0; s < z.count(); ++s) {
      for (Index d = 0; d < kDim; ++d) {
        const Index next = (d + 1) % kDim;
        out(0, s) += std::sin(z(d, s)) * z(next, s);
        out(1 + d, s) += std::cos(z(d, s)) * z(next, s);
        out(1 + next, s) += std::sin(z(d, s));
      }
    }
    return out;
  }
};

TEST_P(WithPointsTest, PathwiseDerivativesAreFiniteDifferences) {
  const Batch g = density(draws_.z);
  const Index first = 3;
  const Index last = 12;  // within a block, over its end
  std::vector<double> sum(subject_.lambda.size(), 0.25);
  subject_.family->add_pathwise(draws_.noise.view(), draws_.z.view(), g.view(), 1, first, last, sum);
  for (std::size_t p = 0; p < sum.size(); ++p) {
    const double h = 1e-5;
    double difference = 0;
    for (const double side : {1.0, -1.0}) {
      std::vector<double> moved = subject_.lambda;
      moved[p] += side * h;
      const Batch values = density(sample(moved));
      for (Index s = first; s < last; ++s) difference += side * values(0, s) / (2 * h);
    }
    EXPECT_NEAR(sum[p] - 0.25, difference, 1e-7 * (1 + std::abs(difference))) << p;
  }
}

TEST_P(WithPointsTest, EntropyAndDensityAreThoseOfTheOthers) {
  const std::vector<Index>& points = GetParam().points;
  Arguments inner_arguments = subject_.arguments;
  inner_arguments.dim = kDim - static_cast<Index>(points.size());
  const std::vector<double> inner_lambda(subject_.lambda.begin(), subject_.lambda.end() - static_cast<std::ptrdiff_t>(points.size()));
  const auto inner = find(GetParam().family)->make(inner_arguments, inner_lambda);
  EXPECT_EQ(subject_.family->entropy(), inner->entropy());
  std::vector<double> gradient(subject_.lambda.size());
  subject_.family->add_entropy_gradient(gradient);
  std::vector<double> inner_gradient(inner_lambda.size());
  inner->add_entropy_gradient(inner_gradient);
  inner_gradient.resize(gradient.size());
  EXPECT_EQ(gradient, inner_gradient);

  Batch others(inner->dim(), kCount);
  for (Index s = 0; s < kCount; ++s) {
    Index row = 0;
    for (Index d = 0; d < kDim; ++d) {
      const auto place = std::find(points.begin(), points.end(), d);
      if (place == points.end()) {
        others(row++, s) = draws_.z(d, s);
      } else {
        EXPECT_EQ(draws_.z(d, s), subject_.lambda[inner_lambda.size() + static_cast<std::size_t>(place - points.begin())]);
      }
    }
  }
  Batch log_q(1, kCount);
  Batch inner_log_q(1, kCount);
  subject_.family->log_density(draws_.noise.view(), draws_.z.view(), log_q.view());
  inner->log_density(draws_.noise.view(), others.view(), inner_log_q.view());
  Batch slope(kDim, kCount);
  Batch inner_slope(inner->dim(), kCount);
  subject_.family->grad_log_density(draws_.noise.view(), draws_.z.view(), slope.view());
  inner->grad_log_density(draws_.noise.view(), others.view(), inner_slope.view());
  for (Index s = 0; s < kCount; ++s) {
    EXPECT_EQ(log_q(0, s), inner_log_q(0, s));
    Index row = 0;
    for (Index d = 0; d < kDim; ++d) {
      const bool point = std::find(points.begin(), points.end(), d) != points.end();
      EXPECT_EQ(slope(d, s), point ? 0.0 : inner_slope(row++, s));
    }
  }
}

TEST_P(WithPointsTest, NamesBlocksAndMomentsAreInOrder) {
  const std::vector<std::string> coordinates = {"a", "b", "c", "d", "e"};
  const std::vector<std::string> names = subject_.family->parameter_names(coordinates);
  const std::size_t own = names.size() - GetParam().points.size();
  ASSERT_EQ(names.size(), subject_.lambda.size());
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  std::vector<double> mean(kDim);
  std::vector<double> sd(kDim);
  subject_.family->moments(mean, sd);
  for (std::size_t p = 0; p < GetParam().points.size(); ++p) {
    const auto place = static_cast<std::size_t>(GetParam().points[p]);
    EXPECT_EQ(names[own + p], "point[" + coordinates[place] + "]");
    EXPECT_EQ(mean[place], subject_.lambda[own + p]);
    EXPECT_EQ(sd[place], 0);
  }
  Index next = 0;
  for (const Block& block : subject_.family->blocks()) {
    EXPECT_EQ(block.parameters.first, next);
    next = block.parameters.last;
  }
  EXPECT_EQ(next, subject_.family->parameters());
  // initial() puts points where coordinates are asked to be.
  const auto start = entry_.make(subject_.arguments, entry_.initial(subject_.arguments, test::asked_mean(kDim), test::asked_sd(kDim)));
  start->moments(mean, sd);
  for (const Index d : GetParam().points) EXPECT_EQ(mean[static_cast<std::size_t>(d)], test::asked_mean(kDim)[static_cast<std::size_t>(d)]);
}

TEST_P(WithPointsTest, AreServedByPathwiseEstimatorsAlone) {
  const models::Banana banana(3.0, 0.1);
  const estimators::Context context{subject_.family.get(), &banana, estimators::Objective::elbo, 16, 0, {}, {}};
  std::set<std::string> served;
  for (const estimators::Entry& entry : estimators::catalogue()) {
    if (!estimators::reason_against(entry, context)) served.insert(entry.name);
  }
  const bool entropy = subject_.family->entropy().has_value();
  EXPECT_TRUE(served.contains("stl"));
  EXPECT_EQ(served.contains("pw_cfe"), entropy);
  for (const char* name : {"sf_raw", "sf_loo", "sf_rb", "taylor_hvp", "pw_local", "mvd"}) EXPECT_FALSE(served.contains(name)) << name;
  EXPECT_THROW(subject_.family->score(draws_.noise.view(), draws_.z.view(), Batch(5, kCount).view()), std::logic_error);
}

INSTANTIATE_TEST_SUITE_P(Families, WithPointsTest,
                         testing::Values(Case{"mean_field_gaussian", {1}}, Case{"mean_field_gaussian", {0, 2, 4}},
                                         Case{"full_rank_gaussian", {4}}, Case{"full_rank_gaussian", {0, 3}},
                                         Case{"low_rank_gaussian", {2}}),
                         [](const auto& instance) {
                           std::string name = instance.param.family;
                           for (const Index point : instance.param.points) name += "_" + std::to_string(point);
                           return name;
                         });

}  // namespace
}  // namespace variscope::families
