/// Importance-weighted truths: one sample is the ELBO, two estimators of one gradient agree, and dice.
#include "engine/oracles/importance.hpp"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

#include "engine/models/gaussian.hpp"
#include "engine/oracles/truth.hpp"
#include "tests/engine/oracles/simulation.hpp"
#include "tests/engine/oracles/small_models.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;
using test::Dice;
using test::Point;

const char* const kFamily = "mean_field_gaussian";

/// A skewed target.
test::Function skewed() {
  test::Function f;
  f.value = [](const Point& z) { return 2.0 * z[0] - std::exp(z[0]); };
  f.gradient = [](const Point& z) { return Point{2.0 - std::exp(z[0])}; };
  return f;
}

TEST(Importance, OneSampleIsTheElbo) {
  const test::FunctionModel model(skewed());
  const Point lambda = {0.3, -0.4};
  const auto bound = truth("iwae", model, kFamily, lambda, Objective::elbo, 1);
  const auto path = truth("pw_cfe", model, kFamily, lambda, Objective::elbo, 1);
  const auto dreg = truth("dreg", model, kFamily, lambda, Objective::elbo, 1);
  const auto landing = truth("stl", model, kFamily, lambda, Objective::elbo, 1);
  for (std::size_t p = 0; p < 2; ++p) {
    EXPECT_NEAR(bound->mean[p], path->mean[p], bound->error + path->error);
    EXPECT_NEAR(bound->variance[p], path->variance[p], bound->error + path->error);
    EXPECT_NEAR(dreg->variance[p], landing->variance[p], dreg->error + landing->error);
  }
}

TEST(Importance, BothUnbiasedEstimatorsHaveOneMean) {
  const test::FunctionModel model(skewed());
  const Point lambda = {0.3, -0.4};
  for (const Index k : {2, 3}) {
    const auto iwae = truth("iwae", model, kFamily, lambda, Objective::elbo, k);
    const auto dreg = truth("dreg", model, kFamily, lambda, Objective::elbo, k);
    const auto biased = truth("stl_iw", model, kFamily, lambda, Objective::elbo, k);
    EXPECT_LT(iwae->error, k == 2 ? 1e-9 : 1e-8);
    for (std::size_t p = 0; p < 2; ++p) {
      EXPECT_NEAR(iwae->mean[p], dreg->mean[p], iwae->error + dreg->error);
      EXPECT_LT(dreg->variance[p], iwae->variance[p]);
    }
    EXPECT_GT(std::abs(biased->mean[1] - iwae->mean[1]), 1e-3);
  }
  // q = p: every weight is the same, the bound is at its maximum, and the doubly reparameterised estimator says so without noise.
  const models::Gaussian target({4.0}, {0.5});
  const auto landed = truth("dreg", target, kFamily, Point{0.5, -std::log(2.0)}, Objective::elbo, 2);
  EXPECT_NEAR(landed->mean[1], 0.0, 1e-12);
  EXPECT_NEAR(landed->variance[1], 0.0, 1e-12);
}

TEST(Importance, MatchesDice) {
  // 3 names x 2 values of K x 2 parameters x 2 z-scores, each beyond 4.5 with probability 7e-6 (normal limit): false alarm 2e-4. Seeds
  // fixed.
  const test::Function f = skewed();
  const test::FunctionModel model(f);
  const double m = 0.3;
  const double s = 0.67;
  std::uint32_t seed = 900;
  for (const std::string name : {"iwae", "stl_iw", "dreg"}) {
    for (const Index k : {2, 3}) {
      Options o;
      o.importance_samples = k;
      const auto exact = truth(name, model, kFamily, Point{m, std::log(s)}, Objective::elbo, 2 * k, o);
      ASSERT_TRUE(exact);
      const auto thrown = test::throw_dice(40000, ++seed, [&](Dice& dice) {
        Point result(2, 0.0);
        for (int bound = 0; bound < 2; ++bound) {
          Point w;
          Point eps;
          double norm = 0;
          for (Index i = 0; i < k; ++i) {
            eps.push_back(dice.normal());
            w.push_back(std::exp(f.value({m + s * eps.back()}) + 0.5 * eps.back() * eps.back()));
            norm += w.back();
          }
          for (std::size_t i = 0; i < w.size(); ++i) {
            const double share = w[i] / norm;
            // d log w / dz at fixed lambda, and the score of q.
            const double slope = f.gradient({m + s * eps[i]})[0] + eps[i] / s;
            const Point path = {slope, slope * s * eps[i]};
            const Point score = {eps[i] / s, eps[i] * eps[i] - 1.0};
            for (std::size_t p = 0; p < 2; ++p) {
              if (name == "iwae") result[p] += 0.5 * share * (path[p] - score[p]);
              if (name == "stl_iw") result[p] += 0.5 * share * path[p];
              if (name == "dreg") result[p] += 0.5 * share * share * path[p];
            }
          }
        }
        return result;
      });
      EXPECT_LT(test::largest_z(thrown, exact->mean, exact->variance), 4.5) << name << k;
    }
  }
}

TEST(Importance, IsAbsentWhereItIsTooMuch) {
  const test::FunctionModel model(skewed());
  const Point lambda = {0.3, -0.4};
  EXPECT_FALSE(truth("iwae", model, kFamily, lambda, Objective::elbo, 4));
  EXPECT_FALSE(truth("iwae", model, kFamily, lambda, Objective::expectation, 2));
  Options o;
  o.importance_samples = 2;
  EXPECT_FALSE(truth("iwae", model, kFamily, lambda, Objective::elbo, 3, o));
  EXPECT_THROW(importance_truth("iwae", model, mean_field(lambda), 4), std::invalid_argument);
  EXPECT_THROW(importance_truth("pw_cfe", model, mean_field(lambda), 2), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::oracles
