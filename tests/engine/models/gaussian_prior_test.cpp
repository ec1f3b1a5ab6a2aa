/// Independent normal priors: values and gradients against the density's formula, the expectation against quadrature.
#include "engine/models/gaussian_prior.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/oracles/quadrature.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::models {
namespace {

const GaussianPrior kPrior{{0.5, -2.0, 0.0}, {1.0, 0.1, 30.0}};

long double log_normal(long double z, std::size_t d) {
  const long double e = (z - kPrior.mean[d]) / static_cast<long double>(kPrior.sd[d]);
  return -0.5L * e * e - std::log(static_cast<long double>(kPrior.sd[d])) - 0.5L * std::log(2 * std::numbers::pi_v<long double>);
}

TEST(GaussianPrior, IsTheNormalisedDensityAndItsGradient) {
  const tiles::Batch z = test::random_batch(3, 13, 2.0, 70);
  tiles::Batch out(4, 13);
  Evaluation evaluation{test::kBoth, out.view(), {}};
  gaussian_log_prior(kPrior, z.view(), evaluation);
  EXPECT_EQ(evaluation.counts, (Counts{.gradient_evaluations = 13}));
  for (Index s = 0; s < 13; ++s) {
    long double value = 0;
    long double size = 0;
    for (std::size_t d = 0; d < 3; ++d) {
      const auto row = static_cast<Index>(d);
      value += log_normal(z(row, s), d);
      size += std::abs(log_normal(z(row, s), d));
      const long double slope =
          (kPrior.mean[d] - static_cast<long double>(z(row, s))) / (static_cast<long double>(kPrior.sd[d]) * kPrior.sd[d]);
      EXPECT_NEAR(out(1 + row, s), static_cast<double>(slope), 1e-14 * (1 + static_cast<double>(std::abs(slope))));
    }
    EXPECT_NEAR(out(0, s), static_cast<double>(value), 1e-14 * static_cast<double>(1 + size));
  }
}

TEST(GaussianPrior, ValueAloneNeedsOneRow) {
  const tiles::Batch z = test::random_batch(3, 13, 2.0, 70);
  tiles::Batch both(4, 13);
  tiles::Batch value(1, 13);
  Evaluation wide{test::kBoth, both.view(), {}};
  Evaluation narrow{test::kValue, value.view(), {}};
  gaussian_log_prior(kPrior, z.view(), wide);
  gaussian_log_prior(kPrior, z.view(), narrow);
  EXPECT_EQ(narrow.counts, (Counts{.value_evaluations = 13}));
  for (Index s = 0; s < 13; ++s) EXPECT_EQ(value(0, s), both(0, s));
}

TEST(GaussianPrior, ExpectationIsTheIntegral) {
  const std::vector<double> mean{1.5, -1.7, 4.0};
  const std::vector<double> scale{0.3, 0.25, 2.0};
  GaussianExpectation exact{0.0, 0.0, std::vector<double>(6, 0.0), std::vector<double>(6, 0.0)};
  expected_gaussian_log_prior(kPrior, mean.data(), scale.data(), exact);
  const oracles::Rule rule = oracles::gauss_hermite(8);  // the integrand is a quadratic
  double value = 0;
  for (std::size_t d = 0; d < 3; ++d) {
    value += oracles::expectation(rule, [&](double e) { return static_cast<double>(log_normal(mean[d] + scale[d] * e, d)); });
    const auto slope = [&](double e) { return (kPrior.mean[d] - mean[d] - scale[d] * e) / (kPrior.sd[d] * kPrior.sd[d]); };
    const double location = oracles::expectation(rule, slope);
    const double spread = oracles::expectation(rule, [&](double e) { return slope(e) * scale[d] * e; });
    EXPECT_NEAR(exact.gradient[d], location, 1e-12 * (1 + std::abs(location)));
    EXPECT_NEAR(exact.gradient[3 + d], spread, 1e-12 * (1 + std::abs(spread)));
    EXPECT_GT(exact.error[d], 0.0);
  }
  EXPECT_NEAR(exact.value, value, 1e-12 * (1 + std::abs(value)));
}

TEST(GaussianPrior, ExpectationAddsToWhatIsThere) {
  const std::vector<double> mean{1.5, -1.7, 4.0};
  const std::vector<double> scale{0.3, 0.25, 2.0};
  GaussianExpectation once{0.0, 0.0, std::vector<double>(6, 0.0), std::vector<double>(6, 0.0)};
  expected_gaussian_log_prior(kPrior, mean.data(), scale.data(), once);
  GaussianExpectation twice = once;
  expected_gaussian_log_prior(kPrior, mean.data(), scale.data(), twice);
  EXPECT_NEAR(twice.value, 2 * once.value, 1e-12 * std::abs(once.value));
  for (std::size_t p = 0; p < 6; ++p) EXPECT_NEAR(twice.gradient[p], 2 * once.gradient[p], 1e-12 * std::abs(once.gradient[p]));
}

}  // namespace
}  // namespace variscope::models
