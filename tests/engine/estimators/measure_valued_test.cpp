/// Weak derivatives beyond the mean-field Gaussian: exact variances on linear targets, and the mean-field estimate where factors are
/// diagonal.
#include "engine/estimators/measure_valued.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/families/full_rank_gaussian.hpp"
#include "engine/families/low_rank_gaussian.hpp"
#include "engine/families/own_noise.hpp"
#include "tests/conformance/quartic.hpp"
#include "tests/engine/estimators/call.hpp"

namespace variscope::estimators {
namespace {

constexpr Index kReplicates = 40000;
constexpr double kOverPi = 4 / std::numbers::pi;

/// log p(z) = c'z.
class Linear final : public models::Model {
 public:
  explicit Linear(std::vector<double> slope) : slope_(std::move(slope)) {}
  [[nodiscard]] Index dim() const override { return static_cast<Index>(slope_.size()); }
  void log_prior(models::ConstBatchView theta, models::Evaluation& out) const override {
    for (Index s = 0; s < theta.count; ++s) {
      for (Index d = 0; d < dim(); ++d) out.out(0, s) += slope_[static_cast<std::size_t>(d)] * theta(d, s);
    }
    out.counts.add_evaluations(out.wanted, theta.count);
  }

 private:
  std::vector<double> slope_;
};

/// Variances of single-sample estimates of the gradient of E log p, against `exact`, by parameter: z-scores with the fourth moment's error.
/// 5 standard errors: a false alarm in 1.7 million, eleven parameters.
void expect_variances(const families::Family& q, const models::Model& model, const std::vector<double>& mean,
                      const std::vector<double>& exact) {
  const auto estimator = find("mvd")->make();
  const test::Call call(*estimator, {&q, &model, Objective::expectation, 1}, kReplicates, 120);
  const auto gradients = test::estimates(*estimator, call);
  const auto n = static_cast<double>(kReplicates);
  for (std::size_t p = 0; p < exact.size(); ++p) {
    double first = 0;
    double second = 0;
    double fourth = 0;
    for (const auto& g : gradients) {
      const double deviation = g[p] - mean[p];
      first += deviation / n;
      second += deviation * deviation / n;
      fourth += std::pow(deviation, 4) / n;
    }
    EXPECT_LT(std::abs(first), 5 * std::sqrt(second / n)) << p;
    const double error = std::sqrt((fourth - second * second) / n);
    EXPECT_LT(std::abs(second - exact[p]), 5 * error) << p << ": " << second << " for " << exact[p];
    // Half as much again would be seen.
    EXPECT_GT(0.5 * exact[p], 10 * error) << p;
  }
}

TEST(MeasureValued, VariancesOfTheFullRankGaussianOnALinearTarget) {
  // With g = L'c: a_k = 2 W g_k / sqrt(2 pi) has variance (4 / pi - 1) g_k^2; C_kk = g_k K (1 - U) has g_k^2; C_21 = a_2 e_1 has
  // 4 / pi g_2^2, and with C_11 the covariance g_1 g_2 E|K e| / 2, where |e| / |K| is uniform and E K^2 = 3.
  const double l11 = 0.7;
  const double l21 = 0.6;
  const double l22 = 1.3;
  const double c1 = 1.5;
  const double c2 = 0.8;
  const std::vector<double> lambda = {0.3, -0.2, std::log(l11), std::log(l22), l21};
  const families::FullRankGaussian q(2, lambda);
  const double g1 = l11 * c1 + l21 * c2;
  const double g2 = l22 * c2;
  const double p11 = 1 / l11;
  const double p12 = -l21 / (l11 * l22);
  const double p22 = 1 / l22;
  const std::vector<double> exact = {(kOverPi - 1) * (p11 * p11 * g1 * g1 + p12 * p12 * g2 * g2), (kOverPi - 1) * c2 * c2,
                                     l11 * l11 * (p11 * p11 * g1 * g1 + kOverPi * p12 * p12 * g2 * g2 + 1.5 * p11 * p12 * g1 * g2), g2 * g2,
                                     kOverPi * p22 * p22 * g2 * g2};
  expect_variances(q, Linear({c1, c2}), {c1, c2, 0, 0, 0}, exact);
}

TEST(MeasureValued, VariancesOfTheLowRankGaussianOnALinearTarget) {
  const std::vector<double> d = {0.7, 1.3};
  const std::vector<double> c = {1.5, 0.8};
  const families::LowRankGaussian q(2, 1, std::vector<double>{0.3, -0.2, std::log(d[0]), std::log(d[1]), 0.4, -0.9});
  std::vector<double> exact;
  for (const double slope : c) exact.push_back((kOverPi - 1) * slope * slope);
  for (std::size_t i = 0; i < 2; ++i) exact.push_back(d[i] * d[i] * c[i] * c[i]);
  for (const double slope : c) exact.push_back(kOverPi * slope * slope);
  expect_variances(q, Linear(c), {c[0], c[1], 0, 0, 0, 0}, exact);
}

TEST(MeasureValued, IsTheMeanFieldEstimateWhereTheFactorIsDiagonal) {
  const std::vector<double> mean_field = {0.3, -0.2, 0.5, -0.4, 0.2, 0.1};
  std::vector<double> full_rank = mean_field;
  full_rank.resize(static_cast<std::size_t>(families::FullRankGaussian::size(3)), 0.0);
  const families::MeanFieldGaussian a(mean_field);
  const families::FullRankGaussian b(3, full_rank);
  const test::Quartic target(3);
  const auto estimator = find("mvd")->make();
  const auto of = [&](const families::Family& q) {
    const test::Call call(*estimator, {&q, &target, Objective::elbo, 5}, 3, 121);
    return test::estimates(*estimator, call);
  };
  const auto one = of(a);
  const auto other = of(b);
  for (std::size_t call = 0; call < one.size(); ++call) {
    for (std::size_t p = 0; p < mean_field.size(); ++p)
      EXPECT_NEAR(one[call][p], other[call][p], 1e-12 * (1 + std::abs(one[call][p]))) << p;
    // The off-diagonal part is there as well.
    for (std::size_t p = mean_field.size(); p < other[call].size(); ++p) EXPECT_NE(other[call][p], 0);
  }
}

TEST(OwnNoise, SolvesWithTheFactorTransposed) {
  const families::FullRankGaussian q(3, std::vector<double>{0, 0, 0, std::log(2.0), std::log(0.5), std::log(3.0), 0.7, -0.4, 1.1});
  const families::OwnNoise own(q);
  EXPECT_FALSE(own.diagonal());
  std::vector<double> x = {0.3, -1.2, 2.5};
  own.solve_transposed(x);
  const std::vector<double> right = {0.3, -1.2, 2.5};
  for (Index k = 0; k < 3; ++k) {
    double sum = 0;
    for (Index i = 0; i < 3; ++i) sum += own.slope(i, k) * x[static_cast<std::size_t>(i)];
    EXPECT_NEAR(sum, right[static_cast<std::size_t>(k)], 1e-14);
  }
  EXPECT_EQ(own.slope(0, 1), 0);
  const families::LowRankGaussian low(2, 1, std::vector<double>{0, 0, std::log(2.0), std::log(0.5), 7, 8});
  const families::OwnNoise diagonal(low);
  EXPECT_TRUE(diagonal.diagonal());
  EXPECT_EQ(diagonal.slope(1, 0), 0);
  EXPECT_EQ(diagonal.slope(1, 1), 0.5);
  for (const families::Entry& entry : families::catalogue()) {
    const auto any = entry.make(entry.smoke, std::vector<double>(static_cast<std::size_t>(entry.size(entry.smoke)), 0.1));
    EXPECT_EQ(families::OwnNoise::known(*any), any->gaussian()) << entry.name;
    if (!any->gaussian()) {
      EXPECT_THROW(families::OwnNoise{*any}, std::logic_error);
    }
  }
}

}  // namespace
}  // namespace variscope::estimators
