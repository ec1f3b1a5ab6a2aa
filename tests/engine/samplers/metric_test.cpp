/// Metrics against plain matrices.
#include "engine/samplers/metric.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/dense.hpp"
#include "engine/random/stream.hpp"

namespace variscope {
namespace {

using samplers::Metric;
using samplers::MetricKind;

constexpr Index kDim = 11;

std::vector<double> normals(std::uint32_t which) {
  std::vector<double> x(kDim);
  for (std::uint32_t d = 0; d < kDim; ++d) x[d] = random::normal({4, random::Purpose::testing, 3, which, 0}, d);
  return x;
}

dense::Matrix some_covariance(MetricKind kind) {
  dense::Matrix sigma = dense::identity(kDim);
  for (Index i = 0; i < kDim; ++i) {
    for (Index j = 0; j < kDim; ++j) {
      if (kind == MetricKind::dense) sigma(i, j) = std::pow(0.6, static_cast<double>(std::abs(i - j)));
    }
    if (kind == MetricKind::diagonal) sigma(i, i) = 0.2 + static_cast<double>(i);
  }
  return sigma;
}

TEST(Metric, ShapesVectorsByItsFactor) {
  for (const MetricKind kind : {MetricKind::unit, MetricKind::diagonal, MetricKind::dense}) {
    std::vector<double> state(static_cast<std::size_t>(Metric::size(kind, kDim)) + 1);
    Metric metric(kind, kDim, state.data());
    metric.start();
    const dense::Matrix sigma = some_covariance(kind);
    std::vector<double> values;
    if (kind == MetricKind::dense) values = sigma.values;
    if (kind == MetricKind::diagonal) {
      for (Index d = 0; d < kDim; ++d) values.push_back(sigma(d, d));
    }
    ASSERT_TRUE(metric.set(values));
    const dense::Matrix lower = *dense::cholesky(sigma);
    const auto z = normals(1);
    std::vector<double> out(kDim);
    const auto near = [&](const std::vector<double>& expected, const char* what) {
      for (std::size_t d = 0; d < kDim; ++d) EXPECT_NEAR(out[d], expected[d], 1e-12 * (1 + std::abs(expected[d]))) << what << d;
    };
    metric.velocity(z.data(), out.data());
    near(dense::product(sigma, z), "velocity");
    metric.spread(z.data(), out.data());
    near(dense::product(lower, z), "spread");
    out = z;
    metric.spread(out.data(), out.data());
    near(dense::product(lower, z), "spread in place");
    std::vector<double> expected = z;
    dense::solve_lower(lower, expected);
    metric.whiten(z.data(), out.data());
    near(expected, "whiten");
    out = z;
    metric.whiten(out.data(), out.data());
    near(expected, "whiten in place");
    expected = z;
    dense::solve_lower_transposed(lower, expected);
    metric.momentum(z.data(), out.data());
    near(expected, "momentum");
    out = z;
    metric.momentum(out.data(), out.data());
    near(expected, "momentum in place");
    double sum = 0;
    for (std::size_t d = 0; d < kDim; ++d) sum += z[d] * expected[d];
    EXPECT_NEAR(samplers::dot(z.data(), expected.data(), kDim), sum, 1e-12);
  }
}

TEST(Metric, RefusesWhatIsNoCovariance) {
  std::vector<double> state(static_cast<std::size_t>(Metric::size(MetricKind::dense, 2)));
  Metric metric(MetricKind::dense, 2, state.data());
  metric.start();
  EXPECT_FALSE(metric.set(std::vector<double>{1, 2, 2, 1}));
  EXPECT_EQ(metric.sigma()[1], 0);
  Metric diagonal(MetricKind::diagonal, 2, state.data());
  diagonal.start();
  EXPECT_FALSE(diagonal.set(std::vector<double>{1, 0}));
  EXPECT_FALSE(diagonal.set(std::vector<double>{1, std::nan("")}));
}

// Stan's shrinkage of the window's sample covariance, computed in two passes.
TEST(Metric, LearnsTheShrunkCovarianceOfAWindow) {
  for (const MetricKind kind : {MetricKind::diagonal, MetricKind::dense}) {
    std::vector<double> state(static_cast<std::size_t>(Metric::size(kind, kDim)));
    Metric metric(kind, kDim, state.data());
    metric.start();
    constexpr Index kWarmup = 300;
    std::vector<std::vector<double>> window;
    int ends = 0;
    for (Index iteration = 0; iteration < kWarmup; ++iteration) {
      auto x = normals(static_cast<std::uint32_t>(10 + iteration));
      for (std::size_t d = 1; d < kDim; ++d) x[d] += 100 + 0.5 * x[d - 1];
      const auto at = samplers::window_at(iteration, kWarmup);
      if (at.learns) window.push_back(x);
      const bool set = metric.learn(iteration, kWarmup, x.data());
      ASSERT_EQ(set, at.ends);
      if (!set) continue;
      ++ends;
      const auto n = static_cast<double>(window.size());
      for (std::size_t i = 0; i < kDim; ++i) {
        for (std::size_t j = 0; j < kDim; ++j) {
          if (kind == MetricKind::diagonal && i != j) continue;
          double mean_i = 0;
          double mean_j = 0;
          double sum = 0;
          for (const auto& y : window) {
            mean_i += y[i] / n;
            mean_j += y[j] / n;
          }
          for (const auto& y : window) sum += (y[i] - mean_i) * (y[j] - mean_j);
          const double expected = n / (n + 5) * sum / (n - 1) + (i == j ? 1e-3 * 5 / (n + 5) : 0);
          EXPECT_NEAR(metric.sigma()[kind == MetricKind::dense ? i * kDim + j : i], expected, 1e-9) << i << " " << j;
        }
      }
      window.clear();
    }
    EXPECT_EQ(ends, 3);  // 99, 149, 249
  }
}

}  // namespace
}  // namespace variscope
