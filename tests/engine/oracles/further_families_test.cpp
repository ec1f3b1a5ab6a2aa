/// Low-rank, mixture and categorical truths where they must be what other oracles say, and gradients against differences.
#include "engine/oracles/further_families.hpp"

#include <cmath>
#include <stdexcept>
#include <string_view>

#include <gtest/gtest.h>

#include "engine/models/gaussian.hpp"
#include "engine/oracles/truth.hpp"
#include "tests/engine/oracles/small_models.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;
using test::Point;

const models::Gaussian& target() {
  static const models::Gaussian gaussian({2, .6, .6, 1.5}, {.3, -.1});
  return gaussian;
}

TEST(FurtherFamilies, WithoutAFactorLowRankIsMeanField) {
  const Point mean_field = {.4, -.3, std::log(.7), std::log(1.1)};
  Point low_rank = mean_field;
  low_rank.insert(low_rank.end(), {0.0, 0.0});
  Options options;
  options.mixture = 0.4;
  for (const char* name : {"pw_cfe", "stl", "mix", "pw_antithetic", "taylor_hessian", "taylor_hvp", "bonnet_price", "pw_quadratic", "mvd",
                           "sf_raw", "sf_mean", "sf_loo"}) {
    // The catalogue's mvd adds the entropy in closed form.
    options.entropy = std::string_view(name) == "mvd" ? Entropy::exact : Entropy::sampled;
    const auto plain = truth(name, target(), "mean_field_gaussian", mean_field, Objective::elbo, 4, options);
    const auto further = further_family_truth(name, target(), "low_rank_gaussian", low_rank, Objective::elbo, 4, options);
    ASSERT_TRUE(plain && further) << name;
    for (std::size_t p = 0; p < mean_field.size(); ++p) {
      EXPECT_NEAR(further->mean[p], plain->mean[p], 1e-9) << name;
      EXPECT_NEAR(further->variance[p], plain->variance[p], 1e-9 * (1 + plain->variance[p])) << name;
    }
  }
}

TEST(FurtherFamilies, ScoresAndPathsOfLowRankAgreeInTheMean) {
  // Two derivations of one gradient; the full-rank q of the same covariance must agree in the mean block, variance included.
  const Point lambda = {.4, -.3, std::log(.7), std::log(.9), .5, -.8};
  for (const Objective objective : {Objective::elbo, Objective::expectation}) {
    const auto path = further_family_truth("pw_cfe", target(), "low_rank_gaussian", lambda, objective, 3);
    const auto score = further_family_truth("sf_raw", target(), "low_rank_gaussian", lambda, objective, 3);
    ASSERT_TRUE(path && score);
    for (std::size_t p = 0; p < lambda.size(); ++p) EXPECT_NEAR(path->mean[p], score->mean[p], 1e-9);
    const double a = std::sqrt(.49 + .25);
    const double c = -.4 / a;
    const Point full = {.4, -.3, std::log(a), 0.5 * std::log(.81 + .64 - c * c), c};
    const auto other = truth("sf_raw", target(), "full_rank_gaussian", full, objective, 3);
    ASSERT_TRUE(other);
    for (std::size_t p = 0; p < 2; ++p) EXPECT_NEAR(score->variance[p], other->variance[p], 1e-8 * other->variance[p]);
  }
  // Twin: a factor of another sign.
  Point wrong = lambda;
  wrong[5] = .8;
  const auto right = further_family_truth("pw_cfe", target(), "low_rank_gaussian", lambda, Objective::elbo, 3);
  const auto twin = further_family_truth("pw_cfe", target(), "low_rank_gaussian", wrong, Objective::elbo, 3);
  EXPECT_GT(std::abs(right->variance[0] - twin->variance[0]), 0.1);
}

TEST(FurtherFamilies, OneComponentIsMeanField) {
  const Point lambda = {.4, -.3, std::log(.7), std::log(1.1)};
  for (const char* name : {"sf_raw", "sf_mean", "sf_loo"}) {
    const auto plain = truth(name, target(), "mean_field_gaussian", lambda, Objective::elbo, 4);
    const auto mixture = further_family_truth(name, target(), "gaussian_mixture", lambda, Objective::elbo, 4);
    ASSERT_TRUE(plain && mixture) << name;
    for (std::size_t p = 0; p < lambda.size(); ++p) {
      EXPECT_NEAR(mixture->mean[p], plain->mean[p], 1e-8) << name;
      EXPECT_NEAR(mixture->variance[p], plain->variance[p], 1e-8 * (1 + plain->variance[p])) << name;
    }
  }
}

TEST(FurtherFamilies, EqualComponentsShareTheGradient) {
  // Two components of one place: nothing moves with the logit, and each mean has its weight's share of the single normal's gradient.
  const models::Gaussian line({2}, {.3});
  const double logit = .8;
  const double weight = 1 / (1 + std::exp(-logit));
  const Point two = {logit, .4, .4, std::log(.7), std::log(.7)};
  const auto mixture = further_family_truth("sf_raw", line, "gaussian_mixture", two, Objective::elbo, 1);
  const auto one = truth("sf_raw", line, "mean_field_gaussian", Point{.4, std::log(.7)}, Objective::elbo, 1);
  ASSERT_TRUE(mixture && one);
  EXPECT_NEAR(mixture->mean[0], 0, 1e-10);
  EXPECT_NEAR(mixture->variance[0], 0, 1e-10);
  EXPECT_NEAR(mixture->mean[1], weight * one->mean[0], 1e-9);
  EXPECT_NEAR(mixture->mean[2], (1 - weight) * one->mean[0], 1e-9);
  EXPECT_NEAR(mixture->variance[1], weight * weight * one->variance[0], 1e-9 * one->variance[0]);
  EXPECT_NEAR(mixture->variance[4], (1 - weight) * (1 - weight) * one->variance[1], 1e-9 * one->variance[1]);
}

TEST(FurtherFamilies, TwoClassesAreABernoulliVariable) {
  test::Function f;
  f.value = [](const test::Point& z) { return (z[0] - 0.3) * (z[0] - 0.3); };
  f.gradient = [](const test::Point& z) { return test::Point{2 * (z[0] - 0.3)}; };
  test::Function of_two;
  of_two.value = f.value;
  of_two.gradient = [](const test::Point& z) { return test::Point{2 * (z[0] - 0.3), 0.0}; };
  of_two.dim = 2;
  const test::FunctionModel bernoulli(f);
  const test::FunctionModel classes(of_two);
  for (const char* name : {"sf_raw", "sf_mean", "sf_loo"}) {
    for (const Objective objective : {Objective::elbo, Objective::expectation}) {
      const auto binary = truth(name, bernoulli, "bernoulli", Point{.7}, objective, 3);
      const auto both = further_family_truth(name, classes, "categorical", Point{.9, .2}, objective, 3, {}, 2);
      ASSERT_TRUE(binary && both) << name;
      EXPECT_NEAR(both->mean[0], binary->mean[0], 1e-12) << name;
      EXPECT_NEAR(both->mean[1], -binary->mean[0], 1e-12) << name;
      EXPECT_NEAR(both->variance[0], binary->variance[0], 1e-12) << name;
      EXPECT_NEAR(both->variance[1], binary->variance[0], 1e-12) << name;
    }
  }
}

TEST(FurtherFamilies, KnowsItsLimits) {
  const Point lambda = {.4, -.3, 0, 0, .5, -.8};
  EXPECT_FALSE(further_family_truth("pw_rqmc", target(), "low_rank_gaussian", lambda, Objective::elbo, 4));
  EXPECT_FALSE(further_family_truth("pw_antithetic", target(), "low_rank_gaussian", lambda, Objective::elbo, 3));
  EXPECT_FALSE(further_family_truth("stl", target(), "low_rank_gaussian", lambda, Objective::expectation, 3));
  EXPECT_FALSE(further_family_truth("sf_raw", target(), "mean_field_gaussian", lambda, Objective::elbo, 3));
  EXPECT_THROW(further_family_truth("pw_cfe", target(), "low_rank_gaussian", Point{0, 0, 0}, Objective::elbo, 3), std::invalid_argument);
  EXPECT_THROW(further_family_truth("sf_raw", target(), "categorical", Point{0, 0}, Objective::elbo, 3, {}, 3), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::oracles
