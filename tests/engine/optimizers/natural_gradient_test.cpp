/// Natural gradients: one step to a Gaussian optimum, the inverse Fisher information to first order, and positive definite throughout.
#include "engine/optimizers/natural_gradient.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/dense.hpp"
#include "engine/families/catalogue.hpp"
#include "engine/families/full_rank_gaussian.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/oracles/quadrature.hpp"
#include "engine/random/stream.hpp"
#include "tests/engine/models/evaluate.hpp"
#include "tests/engine/optimizers/drive.hpp"

namespace variscope {
namespace {

using dense::Matrix;

Matrix inverse(const Matrix& a) { return dense::inverse_of_cholesky(dense::cholesky(a).value()); }

std::vector<double> random_vector(std::size_t size, std::uint32_t task) {
  std::vector<double> values;
  const random::Stream stream{4, random::Purpose::testing, task, 0, 0};
  for (std::size_t i = 0; i < size; ++i) values.push_back(random::normal(stream, static_cast<std::uint32_t>(i)));
  return values;
}

std::unique_ptr<families::Family> member(const std::string& family, Index dim, std::span<const double> lambda) {
  return families::find(family)->make({dim, {}}, lambda);
}

std::vector<double> step_from(const std::string& family, Index dim, const std::vector<double>& lambda, const std::vector<double>& gradient,
                              double step_size, bool correction = false, bool expect_taken = true) {
  const auto optimizer = test::make_optimizer("natural_gradient", {{"step_size", step_size}, {"correction", correction ? 1.0 : 0.0}});
  const auto q = member(family, dim, lambda);
  std::vector<double> moved = lambda;
  EXPECT_EQ(optimizer->step({0, gradient, q.get()}, {}, moved), expect_taken);
  return moved;
}

/// The ELBO's gradient on a normal target, in closed form.
std::vector<double> elbo_gradient(const models::Gaussian& target, const families::Family& q, std::span<const double> mean) {
  const auto dim = static_cast<std::size_t>(target.dim());
  std::vector<double> covariance(dim * dim);
  q.covariance(covariance);
  auto e = test::empty_covariance_expectation(target);
  target.expected_log_prior_under(mean.data(), covariance.data(), e);
  std::vector<double> gradient(static_cast<std::size_t>(q.parameters()), 0.0);
  q.add_gaussian_chain(std::span(e.gradient).first(dim), std::span(e.gradient).subspan(dim), false, gradient);
  q.add_entropy_gradient(gradient);
  return gradient;
}

TEST(NaturalGradient, OneStepOfSizeOneReachesAGaussianOptimum) {
  const std::vector<double> mean{1.0, -2.0, 0.5};
  const models::Gaussian correlated({4.0, 1.2, -0.7, 1.2, 2.0, 0.3, -0.7, 0.3, 0.9}, mean);
  const models::Gaussian diagonal({4.0, 0, 0, 0, 2.0, 0, 0, 0, 0.25}, mean);
  const auto full = random_vector(9, 1);
  const auto q = member("full_rank_gaussian", 3, full);
  const auto reached = step_from("full_rank_gaussian", 3, full, elbo_gradient(correlated, *q, full), 1.0);
  std::vector<double> covariance(9);
  member("full_rank_gaussian", 3, reached)->covariance(covariance);
  const Matrix truth = inverse({3, 3, correlated.precision()});
  for (Index i = 0; i < 3; ++i) {
    EXPECT_NEAR(reached[static_cast<std::size_t>(i)], mean[static_cast<std::size_t>(i)], 1e-12);
    for (Index j = 0; j < 3; ++j) EXPECT_NEAR(covariance[static_cast<std::size_t>(3 * i + j)], truth(i, j), 1e-12);
  }
  const auto field = random_vector(6, 2);
  const auto q_field = member("mean_field_gaussian", 3, field);
  const auto reached_field = step_from("mean_field_gaussian", 3, field, elbo_gradient(diagonal, *q_field, field), 0.999999999999);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(reached_field[i], mean[i], 1e-10);
    EXPECT_NEAR(reached_field[3 + i], -0.5 * std::log(diagonal.precision()[4 * i]), 1e-10);
  }
}

/// F = E[score score'] by Gauss-Hermite: scores are quadratic in the noise, so that order 4 is exact.
Matrix fisher(const families::Family& q) {
  const auto rule = oracles::gauss_hermite(4);
  const Index size = q.parameters();
  const auto nodes = static_cast<Index>(rule.size());
  tiles::Batch noise(2, nodes * nodes);
  tiles::Batch z(2, nodes * nodes);
  tiles::Batch scores(size, nodes * nodes);
  for (Index s = 0; s < noise.count(); ++s) {
    noise(0, s) = rule.nodes[static_cast<std::size_t>(s / nodes)];
    noise(1, s) = rule.nodes[static_cast<std::size_t>(s % nodes)];
  }
  q.sample(noise.view(), z.view());
  q.score(noise.view(), z.view(), scores.view());
  Matrix f(size, size);
  for (Index s = 0; s < noise.count(); ++s) {
    const double weight = rule.weights[static_cast<std::size_t>(s / nodes)] * rule.weights[static_cast<std::size_t>(s % nodes)];
    for (Index i = 0; i < size; ++i) {
      for (Index j = 0; j < size; ++j) f(i, j) += weight * scores(i, s) * scores(j, s);
    }
  }
  return f;
}

TEST(NaturalGradient, IsTheInverseFisherInformationToFirstOrder) {
  for (const std::string family : {"mean_field_gaussian", "full_rank_gaussian"}) {
    const std::size_t size = family == "mean_field_gaussian" ? 4 : 5;
    const auto lambda = random_vector(size, 3);
    const auto gradient = random_vector(size, 4);
    const auto truth = dense::product(inverse(fisher(*member(family, 2, lambda))), gradient);
    for (const bool correction : {false, true}) {
      const double a = 1e-6;
      const auto forward = step_from(family, 2, lambda, gradient, a, correction);
      const auto back = step_from(family, 2, lambda, gradient, 2 * a, correction);
      for (std::size_t p = 0; p < size; ++p) {
        // Richardson's extrapolation of one-sided differences: error O(a^2) and rounding 1e-16 / a.
        const double slope = (4 * forward[p] - back[p] - 3 * lambda[p]) / (2 * a);
        EXPECT_NEAR(slope, truth[p], 1e-7 * (1 + std::abs(truth[p]))) << family << p;
      }
    }
  }
}

Matrix precision_of(const std::vector<double>& lambda, Index dim) {
  Matrix covariance(dim, dim);
  member("full_rank_gaussian", dim, lambda)->covariance(covariance.values);
  return inverse(covariance);
}

TEST(NaturalGradient, CorrectionIsTheSecondOrderTermOfTheRetraction) {
  const auto lambda = random_vector(5, 5);
  const auto gradient = random_vector(5, 6);
  const double a = 0.125;
  const Matrix before = precision_of(lambda, 2);
  const Matrix plain = precision_of(step_from("full_rank_gaussian", 2, lambda, gradient, a), 2);
  const Matrix corrected = precision_of(step_from("full_rank_gaussian", 2, lambda, gradient, a, true), 2);
  Matrix change = plain;
  for (std::size_t k = 0; k < 4; ++k) change.values[k] -= before.values[k];
  const Matrix second = dense::product(change, dense::product(inverse(before), change));
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_NEAR(corrected.values[k], plain.values[k] + 0.5 * second.values[k], 1e-11 * (1 + std::abs(plain.values[k])));
  }
  EXPECT_GT(std::abs(second.values[0]), 1e-4);
}

TEST(NaturalGradient, StaysPositiveDefiniteWhateverTheNoise) {
  for (std::uint32_t task = 10; task < 60; ++task) {
    for (const auto& [family, size] : {std::pair<std::string, std::size_t>{"mean_field_gaussian", 8}, {"full_rank_gaussian", 14}}) {
      const auto lambda = random_vector(size, task);
      auto gradient = random_vector(size, task + 100);
      for (double& g : gradient) g *= 30;
      // Either way of asking ends at the same corrected member where the plain one does not exist.
      const auto moved = step_from(family, 4, lambda, gradient, 1.0, true);
      for (const double x : moved) EXPECT_TRUE(std::isfinite(x));
      if (family != "full_rank_gaussian") continue;  // some coordinates of a mean field exist uncorrected
      EXPECT_EQ(step_from(family, 4, lambda, gradient, 1.0, false), moved);
    }
  }
}

TEST(NaturalGradient, DiscreteFamilyByItsFisherDiagonal) {
  const std::vector<double> logits{0.3, -1.5};
  const auto moved = step_from("bernoulli", 2, logits, {0.2, -0.1}, 0.5);
  for (std::size_t i = 0; i < 2; ++i) {
    const double p = 1 / (1 + std::exp(-logits[i]));
    EXPECT_NEAR(moved[i], logits[i] + 0.5 * (i == 0 ? 0.2 : -0.1) / (p * (1 - p)), 1e-14);
  }
}

TEST(NaturalGradient, NamesTheFamiliesItCannotServe) {
  const auto& entry = *optimizers::find("natural_gradient");
  for (const auto& family : families::catalogue()) {
    const bool served = family.name == "mean_field_gaussian" || family.name == "full_rank_gaussian" || family.name == "bernoulli";
    EXPECT_EQ(entry.reason_against(family.name).empty(), served) << family.name;
  }
  std::vector<double> lambda{0.0};
  const auto optimizer = test::make_optimizer("natural_gradient", {});
  EXPECT_THROW((void)optimizer->step({0, lambda, nullptr}, {}, lambda), std::logic_error);
}

}  // namespace
}  // namespace variscope
