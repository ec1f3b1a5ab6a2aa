/// Pareto-smoothed importance sampling against the R package loo, exact Pareto tails, and moments of normals known in closed form.
#include "engine/diagnostics/pareto.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "engine/random/stream.hpp"
#include "tests/engine/diagnostics/pareto_reference.hpp"

namespace variscope::diagnostics {
namespace {

double golden(int i) {
  const double x = i * 0.6180339887498949;
  return x - std::floor(x);
}

double log_sum_exp(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += std::exp(v);
  return std::log(sum);
}

TEST(Pareto, AgreesWithLoo) {
  for (const auto& reference : testing::kParetoReferences) {
    std::vector<double> ratios;
    for (int i = 1; i <= reference.draws; ++i) ratios.push_back(-reference.shape * std::log1p(-golden(i)) + 0.1 * std::sin(i) + 5);
    const SmoothedWeights found = smooth_weights(ratios);
    EXPECT_NEAR(found.shape, reference.khat, 1e-10);
    EXPECT_NEAR(found.effective_size, reference.effective_size, 1e-9 * reference.effective_size);
    EXPECT_NEAR(found.log_mean_weight, reference.log_mean_weight, 1e-10);
    EXPECT_NEAR(log_sum_exp(found.log_weights), 0, 1e-12);
    auto sorted = found.log_weights;
    std::sort(sorted.rbegin(), sorted.rend());
    EXPECT_NEAR(sorted[0], reference.largest[0], 1e-10);
    EXPECT_NEAR(sorted[1], reference.largest[1], 1e-10);
    EXPECT_NEAR(sorted[9], reference.largest[2], 1e-10);
  }
  std::vector<double> excesses;
  for (int i = 1; i <= 200; ++i) excesses.push_back((std::pow(1 - golden(i), -0.4) - 1) / 0.4);
  std::sort(excesses.begin(), excesses.end());
  const ParetoFit fit = fit_pareto(excesses, false);
  EXPECT_NEAR(fit.shape, testing::kParetoFitShape, 1e-11);
  EXPECT_NEAR(fit.scale, testing::kParetoFitScale, 1e-11);
  EXPECT_GT(std::abs(fit_pareto(excesses, true).shape - fit.shape), 1e-3);  // the regularised one is another
}

TEST(Pareto, FindsTheShapeOfExactTails) {
  for (const double shape : {-0.4, 1e-9, 0.3, 0.7, 1.5}) {
    for (const double scale : {1e-3, 2.0}) {
      std::vector<double> excesses;
      const int n = 20000;
      for (int i = 0; i < n; ++i) excesses.push_back(scale * std::expm1(-shape * std::log1p(-(i + 0.5) / n)) / shape);
      const ParetoFit fit = fit_pareto(excesses, false);
      // The sampling error of the shape is (1 + shape) / sqrt(n); plotting positions are much nearer than a sample.
      EXPECT_NEAR(fit.shape, shape, 0.5 * (1 + shape) / std::sqrt(n));
      EXPECT_NEAR(fit.scale / scale, 1, 0.02);
    }
  }
}

std::vector<double> normals(std::uint32_t task, std::size_t count) {
  std::vector<double> values;
  const random::Stream stream{31, random::Purpose::testing, task, 0, 0};
  for (std::size_t i = 0; i < count; ++i) values.push_back(random::normal(stream, static_cast<std::uint32_t>(i)));
  return values;
}

/// q = N(0, s^2), p = N(0.3, 1): log p - log q of unnormalised p = exp(2 - (x - 0.3)^2 / 2), whose log evidence is 2 + log(2 pi) / 2.
TEST(Pareto, CorrectsMomentsAndEvidenceWithinTheirErrors) {
  const double s = 1.3;
  const double half_log_2_pi = 0.5 * std::log(2 * std::acos(-1.0));
  const int repeats = 200;
  double mean_square = 0;
  double sd_square = 0;
  double evidence_square = 0;
  double uncorrected = 0;
  for (int k = 0; k < repeats; ++k) {
    std::vector<double> x = normals(static_cast<std::uint32_t>(k + 1), 1000);
    std::vector<double> ratios;
    for (double& xi : x) {
      const double log_q = -0.5 * xi * xi - half_log_2_pi - std::log(s);
      xi *= s;
      ratios.push_back(2 - 0.5 * (xi - 0.3) * (xi - 0.3) - log_q);
    }
    const SmoothedWeights weights = smooth_weights(ratios);
    EXPECT_TRUE(weights.reliable()) << weights.shape;
    const WeightedMoments moments = weighted_moments(weights.log_weights, x);
    mean_square += std::pow((moments.mean - 0.3) / moments.mean_error, 2) / repeats;
    sd_square += std::pow((moments.sd - 1) / moments.sd_error, 2) / repeats;
    const double evidence_error = std::sqrt(1 / weights.effective_size - 1e-3);
    evidence_square += std::pow((weights.log_mean_weight - 2 - half_log_2_pi) / evidence_error, 2) / repeats;
    const std::vector<double> flat(x.size(), -std::log(1000.0));
    uncorrected += std::pow(weighted_moments(flat, x).mean - 0.3, 2) / std::pow(weighted_moments(flat, x).mean_error, 2) / repeats;
  }
  // Squared z-scores have mean 1 and, over 200 repeats, standard error 0.1; 5 of them (false alarms 6e-7) for the weights' own noise.
  EXPECT_NEAR(mean_square, 1, 0.5);
  EXPECT_NEAR(sd_square, 1, 0.5);
  EXPECT_NEAR(evidence_square, 1, 0.5);
  EXPECT_GT(uncorrected, 10);  // the broken twin: q's own mean
}

/// q = N(0, s^2), p = N(0, 1) with s < 1: the weights' tail has the shape 1 - s^2.
TEST(Pareto, ShapeTellsANarrowApproximationFromAWideOne) {
  const auto khat = [](double s) {
    std::vector<double> ratios;
    for (const double x : normals(300, 100000)) ratios.push_back(0.5 * x * x * (1 - s * s));
    return smooth_weights(ratios).shape;
  };
  // Weights of a normal reach their tail slowly (logarithms), which makes k-hat smaller than the limit at this number of draws.
  EXPECT_NEAR(khat(std::sqrt(0.5)), 0.5, 0.15);
  EXPECT_NEAR(khat(std::sqrt(0.1)), 0.9, 0.15);
  EXPECT_LT(khat(1.2), 0);
}

TEST(Pareto, SaysWhatCannotBeFitted) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(smooth_weights(std::vector<double>(100, 3.0)).shape, -infinity);
  EXPECT_NEAR(smooth_weights(std::vector<double>(100, 3.0)).effective_size, 100, 1e-10);
  EXPECT_DOUBLE_EQ(smooth_weights(std::vector<double>(100, 3.0)).log_mean_weight, 3.0);
  const SmoothedWeights few = smooth_weights(std::vector<double>{0.0, std::log(3.0)});
  EXPECT_TRUE(std::isnan(few.shape));
  EXPECT_FALSE(few.reliable());
  EXPECT_DOUBLE_EQ(few.log_weights[1], std::log(0.75));
  EXPECT_DOUBLE_EQ(few.log_mean_weight, std::log(2.0));
  for (const double bad : {std::nan(""), infinity}) {
    const SmoothedWeights broken = smooth_weights(std::vector<double>{0.0, bad, 1.0});
    EXPECT_TRUE(std::isnan(broken.log_weights[0]) && std::isnan(broken.shape));
    EXPECT_FALSE(broken.reliable());
  }
  std::vector<double> with_zero = normals(301, 100);
  with_zero[7] = -infinity;
  const SmoothedWeights zero = smooth_weights(with_zero);
  EXPECT_EQ(zero.log_weights[7], -infinity);
  EXPECT_TRUE(std::isfinite(zero.shape));
}

TEST(Pareto, ThresholdIsVehtaris) {
  SmoothedWeights weights;
  weights.log_weights.resize(100);
  EXPECT_DOUBLE_EQ(weights.threshold(), 0.5);
  weights.log_weights.resize(10000);
  EXPECT_DOUBLE_EQ(weights.threshold(), 0.7);
}

}  // namespace
}  // namespace variscope::diagnostics
