/// Pathwise estimators: where their variance vanishes exactly, where it must not, and which settings they refuse.
#include "engine/estimators/pathwise.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/families/catalogue.hpp"
#include "engine/models/banana.hpp"
#include "engine/models/gaussian.hpp"
#include "tests/conformance/model_subject.hpp"
#include "tests/engine/estimators/call.hpp"

namespace variscope::estimators {
namespace {

/// Largest spread over 50 M-sample estimates among parameters [first, last).
double spread(const std::string& name, const models::Model& model, const std::vector<double>& lambda, Index samples, std::size_t first,
              std::size_t last) {
  const auto estimator = find(name)->make();
  const families::MeanFieldGaussian q(lambda);
  const test::Call call(*estimator, {&q, &model, Objective::elbo, samples}, 50, 95);
  double widest = 0;
  auto least = test::estimate(*estimator, call);
  auto most = least;
  for (const auto& g : test::estimates(*estimator, call)) {
    for (std::size_t p = first; p < last; ++p) {
      least[p] = std::min(least[p], g[p]);
      most[p] = std::max(most[p], g[p]);
      widest = std::max(widest, most[p] - least[p]);
    }
  }
  return widest;
}

/// Sum over the mean's parameters of the variance of an M-sample estimate, from 1000 replicates.
double mean_variance(const std::string& name, const models::Model& model, const std::vector<double>& lambda, Index samples) {
  const auto estimator = find(name)->make();
  const families::MeanFieldGaussian q(lambda);
  const test::Call call(*estimator, {&q, &model, Objective::elbo, samples}, 1000, 97);
  const auto gradients = test::estimates(*estimator, call);
  double sum = 0;
  for (std::size_t p = 0; p < lambda.size() / 2; ++p) {
    double mean = 0;
    for (const auto& g : gradients) mean += g[p] / 1000;
    for (const auto& g : gradients) sum += (g[p] - mean) * (g[p] - mean) / 999;
  }
  return sum;
}

TEST(StickingTheLanding, HasNoVarianceWhereQIsTheTarget) {
  const models::Gaussian target({4, 0, 0, 0, 0.25, 0, 0, 0, 1}, {0.5, -2.0, 0.0});
  const std::vector<double> lambda{0.5, -2.0, 0.0, std::log(0.5), std::log(2.0), 0.0};
  // Rounding of z near -2, times the precision, times a scale.
  EXPECT_LT(spread("stl", target, lambda, 1, 0, 6), 1e-13);
  EXPECT_GT(spread("pw_cfe", target, lambda, 1, 0, 6), 1.0);
  // And the gradient there is zero.
  const auto stl = find("stl")->make();
  const families::MeanFieldGaussian q(lambda);
  const test::Call call(*stl, {&q, &target, Objective::elbo, 8}, 1, 96);
  for (const double g : test::estimate(*stl, call)) EXPECT_NEAR(g, 0.0, 1e-13);
}

TEST(StickingTheLanding, HasVarianceWhereTheFamilyMissesTheTarget) {
  // Correlated precision at the mean-field optimum: off-diagonal terms stay.
  const models::Gaussian target({2, 0.6, 0.6, 1.5}, {0.0});
  EXPECT_GT(spread("stl", target, {0.0, 0.0, -0.5 * std::log(2.0), -0.5 * std::log(1.5)}, 1, 0, 4), 0.1);
}

TEST(Antithetic, HasNoMeanGradientVarianceOnQuadratics) {
  const models::Gaussian target({2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1}, {0.5, -1.0, 2.0});
  const std::vector<double> lambda{1.0, -0.5, 0.3, 0.0, -0.4, 0.3};
  for (const Index samples : {2, 8}) {
    EXPECT_LT(spread("pw_antithetic", target, lambda, samples, 0, 3), 1e-13);
    EXPECT_GT(spread("pw_antithetic", target, lambda, samples, 3, 6), 0.5);  // the even part stays
    EXPECT_GT(spread("pw_cfe", target, lambda, samples, 0, 3), 0.5);
  }
  EXPECT_GT(spread("pw_antithetic", models::Banana(2.0, 0.2), {0.4, 0.2, 0.0, 0.0}, 2, 0, 2), 0.1);  // no quadratic
}

TEST(ScrambledNet, HasLessVarianceThanIndependentSamplesAndGainsOnThem) {
  // The gradient in the mean is linear in normals: over a net of M points its variance is O(M^-3), up to logarithms and the normal tails,
  // where independent samples have O(1 / M). A sample variance of 1000 replicates has a relative error of 0.05.
  const models::Gaussian target({2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1}, {0.5, -1.0, 2.0});
  const std::vector<double> lambda{1.0, -0.5, 0.3, 0.0, -0.4, 0.3};
  const double few = mean_variance("pw_rqmc", target, lambda, 8) / mean_variance("pw_cfe", target, lambda, 8);
  const double many = mean_variance("pw_rqmc", target, lambda, 64) / mean_variance("pw_cfe", target, lambda, 64);
  EXPECT_LT(few, 0.25);
  EXPECT_LT(many, 0.25 * few);
  // One sample is one uniform point: nothing is gained.
  EXPECT_NEAR(mean_variance("pw_rqmc", target, lambda, 1) / mean_variance("pw_cfe", target, lambda, 1), 1, 0.35);
}

TEST(Coupling, IsWhatTheNamesSay) {
  for (const Entry& entry : catalogue()) {
    Coupling expected = Coupling::independent;
    if (entry.name == "pw_antithetic") expected = Coupling::antithetic;
    if (entry.name == "pw_rqmc") expected = Coupling::scrambled_net;
    EXPECT_EQ(entry.make()->coupling(), expected) << entry.name;
  }
}

TEST(Pathwise, WhoServesWhom) {
  const models::Gaussian gaussian({1}, {0.0});
  const families::MeanFieldGaussian q(std::vector<double>{0.0, 0.0});
  const test::Subject logistic(*models::find("logistic_regression"));
  const families::MeanFieldGaussian wide(std::vector<double>(static_cast<std::size_t>(2 * logistic.model->dim()), 0.0));
  const auto reason = [&](const char* name, Objective objective, bool rows = false) {
    const Context context{rows ? &wide : &q, rows ? logistic.model.get() : &gaussian, objective, 8};
    return reason_against(*find(name), context);
  };
  EXPECT_NE(reason("pw_kl", Objective::elbo).value_or("").find("normal prior"), std::string::npos);
  EXPECT_FALSE(reason("pw_kl", Objective::elbo, true));
  EXPECT_FALSE(reason("pw_kl", Objective::expectation, true));
  EXPECT_FALSE(reason("stl", Objective::elbo));
  EXPECT_NE(reason("stl", Objective::expectation).value_or("").find("no entropy"), std::string::npos);
  for (const char* name : {"pw_cfe", "pw_antithetic", "pw_rqmc"}) {
    EXPECT_FALSE(reason(name, Objective::elbo)) << name;
    EXPECT_FALSE(reason(name, Objective::expectation)) << name;
    EXPECT_NE(reason(name, Objective::importance_bound).value_or("").find("ELBO"), std::string::npos) << name;
  }
}

TEST(Pathwise, RefusesFamiliesWithoutAPath) {
  const models::Gaussian gaussian({1}, {0.0});
  for (const families::Entry& entry : families::catalogue()) {
    const auto q = entry.make(entry.smoke, entry.initial(entry.smoke, std::vector<double>(static_cast<std::size_t>(entry.smoke.dim), 0.3),
                                                         std::vector<double>(static_cast<std::size_t>(entry.smoke.dim), 0.5)));
    for (const char* name : {"pw_cfe", "stl", "pw_antithetic", "pw_rqmc"}) {
      EXPECT_EQ(reason_against(*find(name), {q.get(), &gaussian, Objective::elbo, 8}).has_value(), !q->reparameterisable())
          << name << " on " << entry.name;
    }
  }
}

TEST(Pathwise, NumbersOfSamples) {
  for (Index samples = 1; samples <= 9; ++samples) {
    const auto reason = find("pw_antithetic")->bad_samples(samples);
    EXPECT_EQ(reason.has_value(), samples % 2 == 1);
    if (reason) {
      EXPECT_NE(reason->find("even"), std::string::npos);
    }
    for (const char* name : {"pw_cfe", "pw_kl", "stl", "pw_rqmc"}) EXPECT_FALSE(find(name)->bad_samples(samples)) << name;
  }
}

TEST(Pathwise, OnlyTheClosedFormKlSkipsThePrior) {
  const test::Subject logistic(*models::find("logistic_regression"));
  const families::MeanFieldGaussian q(std::vector<double>(static_cast<std::size_t>(2 * logistic.model->dim()), 0.0));
  for (const char* name : {"pw_cfe", "pw_kl", "stl", "pw_antithetic", "pw_rqmc"}) {
    const auto requests = find(name)->make()->requests({&q, logistic.model.get(), Objective::elbo, 8});
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].prior, std::string(name) != "pw_kl") << name;
  }
}

}  // namespace
}  // namespace variscope::estimators
