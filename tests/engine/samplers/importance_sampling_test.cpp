/// Importance sampling against evidences, moments and effective sizes that are known.
#include "engine/samplers/importance_sampling.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/diagnostics/pareto.hpp"
#include "engine/models/banana.hpp"
#include "engine/models/gaussian.hpp"
#include "tests/engine/samplers/setting.hpp"

namespace variscope {
namespace {

using samplers::Flaw;
using samplers::ImportanceSampling;
using samplers::independent_proposal;

struct Drawn {
  std::vector<double> log_weights;
  std::vector<std::vector<double>> values;  ///< a list for each coordinate
};

Drawn draw(const samplers::Sampler& sampler, const models::Model& model, Index chains, Index draws) {
  const test::Chains run(sampler, model, {17, 0}, {0, chains}, draws);
  const std::size_t place = test::place_of(sampler, "log_weight");
  Drawn drawn;
  drawn.values.resize(static_cast<std::size_t>(model.dim()));
  for (std::size_t c = 0; c < static_cast<std::size_t>(chains); ++c) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(draws); ++k) {
      drawn.log_weights.push_back(run.trace.records[c][k][place]);
      for (std::size_t d = 0; d < drawn.values.size(); ++d) drawn.values[d].push_back(run.trace.draws[c][k][d]);
    }
  }
  return drawn;
}

/// Mean of weights over the evidence, in standard errors from 1.
double evidence_z(const Drawn& drawn, double log_evidence) {
  const auto n = static_cast<double>(drawn.log_weights.size());
  double mean = 0;
  double square = 0;
  for (const double x : drawn.log_weights) mean += std::exp(x - log_evidence) / n;
  for (const double x : drawn.log_weights) square += std::pow(std::exp(x - log_evidence) - mean, 2) / n;
  // Equal weights differ by rounding alone.
  return (mean - 1) / std::max(std::sqrt(square / n), 1e-9);
}

// Target N(a, 1), proposal N(0, s^2): E w = sqrt(2 pi), and with r = 2 - 1 / s^2 > 0,
// E w^2 = 2 pi s / sqrt(2 pi) ... = integral of exp(-(x - a)^2) sqrt(2 pi) s exp(x^2 / (2 s^2))
//       = s 2 pi / sqrt(r) exp(-a^2 + 2 a^2 / r): the share of draws that are effective tends to (E w)^2 / E w^2.
// 40000 draws; the effective size has a relative error below 4 %, five of which are allowed.
TEST(ImportanceSampling, HasTheEffectiveSizeOfAGaussian) {
  const double a = 0.7;
  const models::Gaussian model({1.0}, {a});
  for (const double s : {1.0, 1.5, 3.0}) {
    const double r = 2 - 1 / (s * s);
    const double share = std::sqrt(r) / s * std::exp(a * a - 2 * a * a / r);
    const ImportanceSampling sampler(1, independent_proposal({0.0}, {s}, 0));
    const Drawn drawn = draw(sampler, model, 8, 5000);
    EXPECT_LT(std::abs(evidence_z(drawn, 0.5 * std::log(2 * std::numbers::pi))), 6) << s;
    double sum = 0;
    double squares = 0;
    for (const double x : drawn.log_weights) {
      sum += std::exp(x);
      squares += std::exp(2 * x);
    }
    EXPECT_NEAR(sum * sum / squares / 40000 / share, 1, 0.2) << s;
    EXPECT_NEAR(diagnostics::smooth_weights(drawn.log_weights).effective_size / 40000 / share, 1, 0.2) << s;
  }
}

// Laplace is exact here: every weight is the evidence, but for the mode, which is known to 1.5e-5 standard deviations (a Newton decrement
// of 2e-10), and times 6 that much for draws as far out.
TEST(ImportanceSampling, LaplaceIsExactForAGaussian) {
  const models::Gaussian model({1.5, -0.9, 0.2, -0.9, 1.2, 0.3, 0.2, 0.3, 0.8}, {1.0, -1.0, 0.0});
  const double determinant = 1.5 * (1.2 * 0.8 - 0.3 * 0.3) + 0.9 * (-0.9 * 0.8 - 0.3 * 0.2) + 0.2 * (-0.9 * 0.3 - 1.2 * 0.2);
  const double log_evidence = 1.5 * std::log(2 * std::numbers::pi) - 0.5 * std::log(determinant);
  const Drawn drawn = draw(ImportanceSampling(3, Index{0}), model, 4, 50);
  for (const double x : drawn.log_weights) EXPECT_NEAR(x, log_evidence, 1e-4);
}

// Seed C3: log Z = log 6 pi, E x = 0, E y = 0.9. Student tails about the mode reach where the banana goes; a narrow normal does not, and
// k-hat says so. |z| > 6: 2e-9 each.
TEST(ImportanceSampling, KnowsWhichProposalsReachTheBanana) {
  const models::Banana model(3.0, 0.1);
  const Drawn drawn = draw(ImportanceSampling(2, Index{3}), model, 8, 5000);
  const double log_evidence = std::log(6 * std::numbers::pi);
  EXPECT_LT(std::abs(evidence_z(drawn, log_evidence)), 6);
  const auto weights = diagnostics::smooth_weights(drawn.log_weights);
  EXPECT_TRUE(weights.reliable()) << weights.shape;
  const double truth[] = {0.0, 0.9};
  for (std::size_t d = 0; d < 2; ++d) {
    const auto moments = diagnostics::weighted_moments(weights.log_weights, drawn.values[d]);
    EXPECT_LT(std::abs(moments.mean - truth[d]), 6 * moments.mean_error) << d;
    EXPECT_LT(moments.mean_error, 0.1) << d;  // of standard deviations 3 and 1.6
  }
  const Drawn narrow = draw(ImportanceSampling(2, independent_proposal({0.0, 0.0}, {0.3, 0.3}, 0)), model, 8, 1250);
  const auto poor = diagnostics::smooth_weights(narrow.log_weights);
  EXPECT_FALSE(poor.reliable()) << poor.shape;
  EXPECT_LT(poor.effective_size, 0.05 * 10000);
}

TEST(ImportanceSampling, TwinIsCaught) {
  const models::Gaussian model({1.0}, {0.7});
  const ImportanceSampling sampler(1, independent_proposal({0.0}, {1.5}, 0), Flaw::no_correction);
  EXPECT_GT(std::abs(evidence_z(draw(sampler, model, 8, 5000), 0.5 * std::log(2 * std::numbers::pi))), 7);
}

TEST(ImportanceSampling, BitsDoNotDependOnCompanyOrThreads) {
  const models::Banana model(3.0, 0.1);
  const ImportanceSampling sampler(2, independent_proposal({0.0, 0.0}, {3.0, 3.0}, 4));
  const test::Chains together(sampler, model, {3, 0}, {0, 9}, 7);
  const test::Chains threaded(sampler, model, {3, 0}, {0, 9}, 7, 2);
  const test::Chains alone(sampler, model, {3, 0}, {7, 8}, 7);
  EXPECT_EQ(threaded.trace.draws, together.trace.draws);
  EXPECT_EQ(alone.trace.draws[0], together.trace.draws[7]);
  EXPECT_EQ(alone.trace.records[0], together.trace.records[7]);
}

}  // namespace
}  // namespace variscope
