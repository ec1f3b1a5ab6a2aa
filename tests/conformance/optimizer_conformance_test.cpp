/// What every catalogued optimizer must do: continue from a stored state bit for bit, refuse gradients that are no numbers, climb, be
/// documented. It is shown on the ELBO of a mean-field Gaussian, which all of them serve.
#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "engine/families/mean_field_gaussian.hpp"
#include "engine/random/stream.hpp"
#include "tests/engine/optimizers/drive.hpp"

namespace variscope {
namespace {

using families::MeanFieldGaussian;
using optimizers::Entry;
using optimizers::Optimizer;
using test::Fit;

constexpr std::size_t kDim = 3;
constexpr double kPrecision[kDim] = {0.5, 1.0, 4.0};
constexpr double kMean[kDim] = {1.0, -2.0, 0.5};

/// Gradient of E_q[log N(kMean, 1 / kPrecision)] + H[q] in (m, log s), in closed form, plus noise keyed by the step.
std::vector<double> noisy_gradient(Index step, const std::vector<double>& lambda, double noise) {
  std::vector<double> g(2 * kDim);
  const random::Stream stream{7, random::Purpose::testing, 11, static_cast<std::uint32_t>(step), 0};
  for (std::size_t i = 0; i < kDim; ++i) {
    const double variance = std::exp(2 * lambda[kDim + i]);
    g[i] = kPrecision[i] * (kMean[i] - lambda[i]);
    g[kDim + i] = 1 - kPrecision[i] * variance;
    g[i] += noise * random::normal(stream, static_cast<std::uint32_t>(i));
    g[kDim + i] += noise * random::normal(stream, static_cast<std::uint32_t>(kDim + i));
  }
  return g;
}

double elbo(const std::vector<double>& lambda) {
  double sum = 0;
  for (std::size_t i = 0; i < kDim; ++i) {
    const double shift = lambda[i] - kMean[i];
    sum += lambda[kDim + i] - 0.5 * kPrecision[i] * (shift * shift + std::exp(2 * lambda[kDim + i]));
  }
  return sum;
}

const std::vector<double>& start_lambda() {
  static const std::vector<double> lambda = {0.0, 0.0, 0.0, 0.1, -0.2, 0.3};
  return lambda;
}

Index run(const Optimizer& optimizer, Fit& fit, Index steps, double noise) {
  Index taken = 0;
  for (Index k = 0; k < steps; ++k, ++fit.step) {
    const auto g = noisy_gradient(fit.step, fit.lambda, noise);
    const MeanFieldGaussian family(fit.lambda);
    if (optimizer.step({fit.step, g, &family}, fit.state, fit.lambda)) ++taken;
  }
  return taken;
}

class OptimizerConformance : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] static const Entry& entry() { return *optimizers::find(GetParam()); }
};

TEST_P(OptimizerConformance, IsDocumented) {
  EXPECT_FALSE(entry().summary.empty());
  EXPECT_FALSE(entry().source.empty());
  std::set<std::string> names;
  for (const auto& parameter : entry().parameters) {
    EXPECT_FALSE(parameter.description.empty()) << parameter.name;
    names.insert(parameter.name);
  }
  EXPECT_EQ(names.size(), entry().parameters.size());
  EXPECT_TRUE(names.contains("step_size"));
  EXPECT_TRUE(names.contains("average"));
  for (const double step_size : entry().step_sizes) EXPECT_GT(step_size, 0);
  EXPECT_TRUE(!entry().reason_against || entry().reason_against("mean_field_gaussian").empty());
  EXPECT_EQ(optimizers::find("no_such_optimizer"), nullptr);
}

TEST_P(OptimizerConformance, RefusesArgumentsThatMakeNoSense) {
  for (const double bad : {-1.0, 0.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW((void)test::make_optimizer(GetParam(), {{"step_size", bad}}), UserError) << bad;
  }
  for (const double bad : {-0.5, 1.5, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW((void)test::make_optimizer(GetParam(), {{"average", bad}}), UserError) << bad;
  }
  for (const auto& parameter : entry().parameters) {
    EXPECT_THROW((void)test::make_optimizer(GetParam(), {{parameter.name, std::nan("")}}), UserError) << parameter.name;
  }
}

TEST_P(OptimizerConformance, ContinuesFromAStoredStateBitForBit) {
  for (const double average : {0.0, 0.5, 3.0}) {
    const auto make = [&] { return test::make_optimizer(GetParam(), {{"average", average}}); };
    const auto whole = make();
    Fit uninterrupted = test::start_fit(*whole, start_lambda());
    EXPECT_EQ(run(*whole, uninterrupted, 50, 0.3), 50);
    Fit stored = test::start_fit(*make(), start_lambda());
    for (const Index part : {1, 16, 33}) {
      const auto again = make();
      run(*again, stored, part, 0.3);
    }
    EXPECT_EQ(stored.lambda, uninterrupted.lambda) << average;
    EXPECT_EQ(stored.state, uninterrupted.state) << average;
    EXPECT_EQ(test::answer_of(*make(), stored), test::answer_of(*whole, uninterrupted)) << average;
    // The broken twin: a continuation that begins with a fresh state where there is one.
    Fit forgetful = test::start_fit(*make(), start_lambda());
    run(*whole, forgetful, 48, 0.3);
    const bool has_state = !forgetful.state.empty();
    whole->start(forgetful.state);
    run(*whole, forgetful, 2, 0.3);
    EXPECT_EQ(has_state, test::answer_of(*whole, forgetful) != test::answer_of(*whole, uninterrupted)) << average;
  }
}

TEST_P(OptimizerConformance, LeavesEverythingAsItIsWhereTheGradientIsNoNumber) {
  for (const double average : {0.0, 0.5, 3.0}) {
    const auto optimizer = test::make_optimizer(GetParam(), {{"average", average}});
    Fit fit = test::start_fit(*optimizer, start_lambda());
    run(*optimizer, fit, 5, 0.3);
    const Fit before = fit;
    const MeanFieldGaussian family(fit.lambda);
    for (const double bad : {std::numeric_limits<double>::infinity(), std::nan("")}) {
      auto g = noisy_gradient(fit.step, fit.lambda, 0.3);
      g.back() = bad;
      EXPECT_FALSE(optimizer->step({fit.step, g, &family}, fit.state, fit.lambda));
      EXPECT_EQ(fit.lambda, before.lambda);
      EXPECT_EQ(fit.state, before.state);
    }
  }
}

TEST_P(OptimizerConformance, AnswersWithItsLastIterateUnlessItAverages) {
  const auto optimizer = test::make_optimizer(GetParam(), {});
  Fit fit = test::start_fit(*optimizer, start_lambda());
  EXPECT_EQ(test::answer_of(*optimizer, fit), fit.lambda);
  run(*optimizer, fit, 7, 0.3);
  EXPECT_EQ(test::answer_of(*optimizer, fit), fit.lambda);
}

TEST_P(OptimizerConformance, ClimbsWithoutNoise) {
  // At its own default step size, or the best of those that its source tries: every one gets higher than the start, and 400 steps of
  // some size in a decade grid come within 1 % of the way to the top.
  const double top = elbo({1.0, -2.0, 0.5, -0.5 * std::log(0.5), 0.0, -0.5 * std::log(4.0)});
  const double bottom = elbo(start_lambda());
  double best = -std::numeric_limits<double>::infinity();
  for (const double step_size : {1.0, 0.1, 0.01}) {
    const auto optimizer = test::make_optimizer(GetParam(), {{"step_size", step_size}});
    Fit fit = test::start_fit(*optimizer, start_lambda());
    run(*optimizer, fit, 400, 0.0);
    const double value = elbo(fit.lambda);
    if (std::isfinite(value)) best = std::max(best, value);
  }
  EXPECT_GT(best, top - 0.01 * (top - bottom));
  const auto optimizer = test::make_optimizer(GetParam(), {});
  Fit fit = test::start_fit(*optimizer, start_lambda());
  run(*optimizer, fit, 3, 0.0);
  EXPECT_GT(elbo(fit.lambda), bottom);
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Entry& entry : optimizers::catalogue()) all.push_back(entry.name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, OptimizerConformance, testing::ValuesIn(names()), [](const auto& at) { return at.param; });

}  // namespace
}  // namespace variscope
