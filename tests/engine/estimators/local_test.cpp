/// Local reparameterisation under normal families, call by call, against its exact mean and variance.
#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "engine/data/table.hpp"
#include "engine/estimators/local.hpp"
#include "engine/families/full_rank_gaussian.hpp"
#include "engine/families/low_rank_gaussian.hpp"
#include "engine/models/logistic_regression.hpp"
#include "engine/oracles/local_truth.hpp"
#include "tests/engine/estimators/call.hpp"

namespace variscope {
namespace {

using estimators::Context;
using estimators::Objective;

data::Table rows() {
  data::Table table;
  table.rows = 9;
  table.held = {0, 9};
  table.columns = {"intercept", "a", "b"};
  for (int n = 0; n < 9; ++n) {
    table.design.push_back(1);
    table.design.push_back(1.5 * std::sin(1.0 + 2.3 * n));
    table.design.push_back(std::cos(0.4 + 1.1 * n));
    table.response.push_back(n % 3 == 0 ? 1 : 0);
  }
  return table;
}

oracles::LogisticProblem problem(const data::Table& table) {
  return {table.rows, table.width(), {table.design.begin(), table.design.end()}, table.response, 0.2, 1.3};
}

/// Of the calls' gradients: largest |z| of the mean, and of the variance by its own fourth moments.
struct Largest {
  double mean = 0;
  double variance = 0;
};
Largest largest_z(const std::vector<std::vector<double>>& gradients, const oracles::EstimatorTruth& truth) {
  Largest most;
  const auto n = static_cast<double>(gradients.size());
  for (std::size_t p = 0; p < truth.mean.size(); ++p) {
    double mean = 0;
    double second = 0;
    double fourth = 0;
    for (const auto& g : gradients) mean += (g[p] - truth.mean[p]) / n;
    for (const auto& g : gradients) second += std::pow(g[p] - truth.mean[p] - mean, 2) / n;
    for (const auto& g : gradients) fourth += std::pow(g[p] - truth.mean[p] - mean, 4) / n;
    most.mean = std::max(most.mean, std::abs(mean) / std::sqrt(second / n));
    most.variance = std::max(most.variance, std::abs(second - truth.variance[p]) / std::sqrt((fourth - second * second) / n));
  }
  return most;
}

void check(const families::Family& q, const std::string& name, const std::vector<double>& lambda) {
  // 20000 calls of M = 3. At most 12 parameters x 2 z-scores in each of two families, beyond 5 once in 2e6 each. Broken twins: the truth of
  // another M, for the variance; that of a q with one correlation turned round, for the mean.
  const data::Table table = rows();
  const models::LogisticRegression model(table, 0.2, 1.3);
  const estimators::Entry entry = estimators::local_reparameterisation_entry();
  const Context context{&q, &model, Objective::elbo, 3, 0, {}};
  ASSERT_FALSE(entry.incompatible(context));
  const auto estimator = entry.make();
  const test::Call call(*estimator, context, 20000, 120);
  const auto gradients = test::estimates(*estimator, call);
  const Largest right = largest_z(gradients, oracles::logistic_local_truth(problem(table), name, lambda, 3));
  EXPECT_LT(right.mean, 5);
  EXPECT_LT(right.variance, 5);
  EXPECT_GT(largest_z(gradients, oracles::logistic_local_truth(problem(table), name, lambda, 4)).variance, 8);
  std::vector<double> turned = lambda;
  turned[6] = -turned[6];
  EXPECT_GT(largest_z(gradients, oracles::logistic_local_truth(problem(table), name, turned, 3)).mean, 8);
  // All work that it does, in passes over the rows: (D + 3) / 2 values' worth, here 3, counted as a gradient and D / 2 values.
  EXPECT_EQ(call.counts(), (models::Counts{.value_rows = 20000 * 3 * 9, .gradient_rows = 20000 * 3 * 9}));
}

TEST(LocalReparameterisation, OfTheFullRankGaussianIsExact) {
  const std::vector<double> lambda = {0.3, -0.5, 0.2, -0.4, -0.8, -0.2, 0.5, -0.3, 0.4};
  check(families::FullRankGaussian(3, lambda), "full_rank_gaussian", lambda);
}

TEST(LocalReparameterisation, OfTheLowRankGaussianIsExact) {
  const std::vector<double> lambda = {0.3, -0.5, 0.2, -0.9, -0.8, -0.7, 0.6, -0.5, 0.4};
  check(families::LowRankGaussian(3, 1, lambda), "low_rank_gaussian", lambda);
}

TEST(LocalReparameterisation, WithoutCorrelationsIsTheMeanFieldOne) {
  // The same normals a row, the same gradients up to rounding.
  const data::Table table = rows();
  const models::LogisticRegression model(table, 0.2, 1.3);
  const std::vector<double> lambda = {0.3, -0.5, 0.2, -0.4, -0.8, -0.2};
  std::vector<double> full = lambda;
  full.resize(9, 0.0);
  const families::MeanFieldGaussian plain(lambda);
  const families::FullRankGaussian under(3, full);
  const auto estimator = estimators::local_reparameterisation_entry().make();
  const test::Call one(*estimator, {&plain, &model, Objective::elbo, 5, 4, {}}, 7, 121);
  const test::Call other(*estimator, {&under, &model, Objective::elbo, 5, 4, {}}, 7, 121);
  const auto a = test::estimates(*estimator, one);
  const auto b = test::estimates(*estimator, other);
  for (std::size_t c = 0; c < a.size(); ++c) {
    for (std::size_t p = 0; p < lambda.size(); ++p) EXPECT_NEAR(a[c][p], b[c][p], 1e-12 * (1 + std::abs(a[c][p])));
  }
}

}  // namespace
}  // namespace variscope
