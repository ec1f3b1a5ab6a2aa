/// A logistic posterior in two dimensions against quadrature: Laplace's and Pathfinder's draws, weighted, give its moments and evidence.
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/approximations/laplace.hpp"
#include "engine/approximations/pathfinder.hpp"
#include "engine/diagnostics/pareto.hpp"
#include "engine/families/full_rank_gaussian.hpp"
#include "engine/models/logistic_regression.hpp"
#include "engine/random/stream.hpp"

namespace variscope::approximations {
namespace {

/// 12 rows, an intercept and one covariate: few enough that the posterior is skewed.
data::Table small_table() {
  data::Table table;
  table.rows = 12;
  table.held = {0, 12};
  table.columns = {"one", "x"};
  const random::Stream stream{8, random::Purpose::testing, 5, 0, 0};
  for (Index n = 0; n < 12; ++n) {
    const double x = random::normal(stream, static_cast<std::uint32_t>(2 * n));
    table.design.push_back(1.0);
    table.design.push_back(x);
    table.response.push_back(1.5 * x + 1 > 1.3 * random::normal(stream, static_cast<std::uint32_t>(2 * n + 1)) ? 1 : 0);
  }
  return table;
}

struct Posterior {
  double log_evidence = 0;
  double mean[2] = {};
  double sd[2] = {};
};

/// Trapezoidal rule on [-12, 18]^2, step 1/16: the integrand is analytic and vanishes at the edges.
Posterior by_quadrature(const Density& density) {
  const Index nodes = 481;
  tiles::Batch theta(2, nodes * nodes);
  for (Index i = 0; i < nodes; ++i) {
    for (Index j = 0; j < nodes; ++j) {
      theta(0, i * nodes + j) = -12 + static_cast<double>(i) / 16;
      theta(1, i * nodes + j) = -12 + static_cast<double>(j) / 16;
    }
  }
  tiles::Batch value(1, theta.count());
  density.evaluate(theta.view(), {true, false}, {}, value.view());
  double total = 0;
  double first[2] = {};
  double second[2] = {};
  for (Index s = 0; s < theta.count(); ++s) {
    const double p = std::exp(value(0, s));
    total += p;
    for (Index d = 0; d < 2; ++d) first[d] += p * theta(d, s);
    for (Index d = 0; d < 2; ++d) second[d] += p * theta(d, s) * theta(d, s);
  }
  Posterior posterior;
  posterior.log_evidence = std::log(total / 256);
  for (int d = 0; d < 2; ++d) {
    posterior.mean[d] = first[d] / total;
    posterior.sd[d] = std::sqrt(second[d] / total - posterior.mean[d] * posterior.mean[d]);
  }
  return posterior;
}

/// z-scores of mean and sd of both coordinates and of the evidence; shape: k-hat.
struct Scores {
  double largest = 0;
  double shape = 0;
};

Scores weigh(const Density& density, const Posterior& truth, const tiles::Batch& theta, const std::vector<double>& log_q, bool weighted) {
  tiles::Batch value(1, theta.count());
  density.evaluate(theta.view(), {true, false}, {}, value.view());
  std::vector<double> ratios;
  for (Index s = 0; s < theta.count(); ++s) ratios.push_back(weighted ? value(0, s) - log_q[static_cast<std::size_t>(s)] : 0.0);
  const auto weights = diagnostics::smooth_weights(ratios);
  Scores scores;
  scores.shape = weights.shape;
  for (Index d = 0; d < 2; ++d) {
    std::vector<double> values;
    for (Index s = 0; s < theta.count(); ++s) values.push_back(theta(d, s));
    const auto moments = diagnostics::weighted_moments(weights.log_weights, values);
    scores.largest = std::max(scores.largest, std::abs(moments.mean - truth.mean[d]) / moments.mean_error);
    scores.largest = std::max(scores.largest, std::abs(moments.sd - truth.sd[d]) / moments.sd_error);
  }
  if (weighted) {
    const double error = std::sqrt(1 / weights.effective_size - 1 / static_cast<double>(theta.count()));
    scores.largest = std::max(scores.largest, std::abs(weights.log_mean_weight - truth.log_evidence) / error);
  }
  return scores;
}

class CorrectedPosterior : public testing::Test {
 protected:
  CorrectedPosterior() : table_(small_table()), model_(table_, 0.0, 1.5), density_(density_of(model_)), truth_(by_quadrature(density_)) {}
  data::Table table_;
  models::LogisticRegression model_;
  Density density_;
  Posterior truth_;
  static constexpr Index kDraws = 20000;
};

TEST_F(CorrectedPosterior, ByLaplace) {
  const Laplace found = laplace(density_, {0.0, 0.0});
  ASSERT_TRUE(found.trouble.empty());
  EXPECT_NEAR(found.log_evidence, truth_.log_evidence, 0.2);  // an approximation here: skewed
  EXPECT_GT(std::abs(found.log_evidence - truth_.log_evidence), 1e-3);
  const families::FullRankGaussian q(2, found.full_rank_lambda());
  std::vector<random::Stream> streams;
  for (Index s = 0; s < kDraws; ++s) streams.push_back({9, random::Purpose::testing, 6, 0, static_cast<std::uint32_t>(s)});
  tiles::Batch noise(2, kDraws);
  tiles::Batch theta(2, kDraws);
  tiles::Batch log_density(1, kDraws);
  random::fill_normal(streams.data(), noise.view());
  q.sample(noise.view(), theta.view());
  q.log_density(noise.view(), theta.view(), log_density.view());
  std::vector<double> log_q;
  for (Index s = 0; s < kDraws; ++s) log_q.push_back(log_density(0, s));
  const Scores scores = weigh(density_, truth_, theta, log_q, true);
  EXPECT_LT(scores.shape, 0.7);
  EXPECT_LT(scores.largest, 4.5);                                      // false alarms: 3e-5 for five checks
  EXPECT_GT(weigh(density_, truth_, theta, log_q, false).largest, 6);  // the broken twin: unweighted
}

TEST_F(CorrectedPosterior, ByPathfinder) {
  PathfinderSettings settings;
  settings.seed = 11;
  const Pathfinder found = pathfinder(density_, {0.0, 0.0}, settings);
  ASSERT_TRUE(found.trouble.empty());
  EXPECT_LT(found.elbo - 4 * found.elbo_error, truth_.log_evidence);
  tiles::Batch theta(2, kDraws);
  std::vector<double> log_q;
  found.draw(settings, 0, theta, log_q);
  const Scores scores = weigh(density_, truth_, theta, log_q, true);
  EXPECT_LT(scores.shape, 0.7);
  EXPECT_LT(scores.largest, 4.5);
  EXPECT_GT(weigh(density_, truth_, theta, log_q, false).largest, 6);
}

}  // namespace
}  // namespace variscope::approximations
