/// Fisher weights against the information integrated from the densities as textbooks write them; nothing where there is no closed form.
#include "engine/diagnostics/fisher.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

namespace variscope::diagnostics {
namespace {

/// E[(d/dlambda_p log q)^2] of one coordinate: the slope by central differences, the expectation as the sum of weight(z) over `points`.
double information(const std::function<double(double z, const std::vector<double>& lambda)>& log_density, const std::vector<double>& lambda,
                   std::size_t p, const std::vector<double>& points, double spacing) {
  constexpr double step = 1e-5;
  double sum = 0;
  for (const double z : points) {
    const double weight = std::exp(log_density(z, lambda)) * spacing;
    std::vector<double> above = lambda;
    std::vector<double> below = lambda;
    above[p] += step;
    below[p] -= step;
    const double slope = (log_density(z, above) - log_density(z, below)) / (2 * step);
    sum += weight * slope * slope;
  }
  return sum;
}

std::vector<double> weights(const std::string& family, std::vector<double> lambda,
                            std::vector<std::pair<std::string, std::string>> settings = {}) {
  CellRecord cell;
  cell.family = family;
  cell.settings = std::move(settings);
  PointRecord point;
  point.lambda = std::move(lambda);
  return fisher_weights(cell, point);
}

TEST(Fisher, MeanFieldGaussianIsTheInverseInformation) {
  const auto normal = [](double z, const std::vector<double>& lambda) {
    const double u = (z - lambda[0]) * std::exp(-lambda[1]);
    return -0.5 * u * u - lambda[1] - 0.5 * std::log(2 * std::numbers::pi);
  };
  const std::vector<double> mean = {0.3, -2.0, 40.0};
  const std::vector<double> log_scale = {-1.2, 0.0, 0.7};
  const std::vector<double> got = weights("mean_field_gaussian", {0.3, -2.0, 40.0, -1.2, 0.0, 0.7});
  ASSERT_EQ(got.size(), 6U);
  for (std::size_t i = 0; i < 3; ++i) {
    // Equal steps over twelve standard deviations on both sides: exact to rounding for a Gaussian.
    std::vector<double> points;
    const double spacing = std::exp(log_scale[i]) / 32;
    for (int k = -384; k <= 384; ++k) points.push_back(mean[i] + k * spacing);
    EXPECT_NEAR(got[i] * information(normal, {mean[i], log_scale[i]}, 0, points, spacing), 1, 1e-7);
    EXPECT_NEAR(got[3 + i] * information(normal, {mean[i], log_scale[i]}, 1, points, spacing), 1, 1e-7);
  }
}

TEST(Fisher, BernoulliIsTheInverseInformation) {
  const auto bernoulli = [](double z, const std::vector<double>& lambda) { return z * lambda[0] - std::log1p(std::exp(lambda[0])); };
  const std::vector<double> logits = {-1.5, 0.0, 2.0, 0.4};
  const std::vector<double> got = weights("bernoulli", logits);
  ASSERT_EQ(got.size(), logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    EXPECT_NEAR(got[i] * information(bernoulli, {logits[i]}, 0, {0, 1}, 1), 1, 1e-7);
  }
}

TEST(Fisher, IsAbsentWhereItIsNotKnown) {
  EXPECT_TRUE(weights("no_such_family", {1, 2}).empty());
  EXPECT_TRUE(weights("mean_field_gaussian", {1, 2, 3}).empty());    // no number of coordinates has three parameters
  EXPECT_TRUE(weights("full_rank_gaussian", {0, 0, 0, 0}).empty());  // one has two, two have five
  // Three categories: one and two coordinates are refused on the way to six.
  EXPECT_TRUE(weights("categorical", {0.1, -0.2, 0.3, 0, 0.5, 1}, {{"family.categories", "3"}}).empty());
  EXPECT_TRUE(weights("categorical", {0.1, -0.2, 0.3, 0, 0.5}, {{"family.categories", "3"}}).empty());
  EXPECT_TRUE(weights("gaussian_mixture", {0.3, -1, 1, 0, 0.5}, {{"family.components", "2"}}).empty());  // no closed form
  EXPECT_EQ(weights("full_rank_gaussian", {0, 0, 0, 0, 0}).size(), 5U);
}

}  // namespace
}  // namespace variscope::diagnostics
