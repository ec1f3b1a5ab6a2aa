/// Mixture assignments against their definition: the components' means integrated out by quadrature, assignment by assignment.
#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "engine/models/mixture_assignments.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

double log_normal(double x, double mean, double sd) {
  return -0.5 * (x - mean) * (x - mean) / (sd * sd) - std::log(sd) - 0.5 * std::log(2 * std::numbers::pi);
}

/// log of the integral of prod_n N(y_n | mu, sigma) N(mu | m, tau) over mu, by trapezoids: the integrand is analytic and vanishes.
double integrated(const std::vector<double>& points, double m, double tau, double sigma) {
  double sum = 0;
  constexpr double kStep = 0.01;
  for (int k = -1500; k <= 1500; ++k) {
    const double mu = m + kStep * k;
    double value = log_normal(mu, m, tau);
    for (const double y : points) value += log_normal(y, mu, sigma);
    sum += kStep * std::exp(value);
  }
  return std::log(sum);
}

TEST(MixtureAssignments, EveryAssignmentHasItsIntegral) {
  const std::vector<double> points = {-1.2, 0.3, 1.6};
  const double w = 0.4;
  const double tau = 0.8;
  const double sigma = 0.7;
  const models::MixtureAssignments model(points, w, {-1.0, 1.5}, tau, sigma);
  tiles::Batch z(3, 8);
  for (Index s = 0; s < 8; ++s) {
    for (Index n = 0; n < 3; ++n) z(n, s) = static_cast<double>((s >> n) & 1);
  }
  const tiles::Batch found = test::prior(model, z, test::kValue);
  double evidence = 0;
  for (Index s = 0; s < 8; ++s) {
    std::vector<double> groups[2];
    for (Index n = 0; n < 3; ++n) groups[z(n, s) > 0.5 ? 1 : 0].push_back(points[static_cast<std::size_t>(n)]);
    const double expected = static_cast<double>(groups[1].size()) * std::log(w) + static_cast<double>(groups[0].size()) * std::log(1 - w) +
                            integrated(groups[0], -1.0, tau, sigma) + integrated(groups[1], 1.5, tau, sigma);
    EXPECT_NEAR(found(0, s), expected, 1e-10) << s;
    evidence += std::exp(found(0, s));
  }
  // The same evidence without assignments: both means integrated over the mixture's likelihood.
  double direct = 0;
  constexpr double kStep = 0.05;
  for (int i = -160; i <= 160; ++i) {
    for (int k = -160; k <= 160; ++k) {
      const double a = -1.0 + kStep * i;
      const double b = 1.5 + kStep * k;
      double value = log_normal(a, -1.0, tau) + log_normal(b, 1.5, tau);
      for (const double y : points) value += std::log((1 - w) * std::exp(log_normal(y, a, sigma)) + w * std::exp(log_normal(y, b, sigma)));
      direct += kStep * kStep * std::exp(value);
    }
  }
  EXPECT_NEAR(std::log(evidence), std::log(direct), 1e-9);
}

TEST(MixtureAssignments, RefusesWhatMakesNoSense) {
  using models::MixtureAssignments;
  EXPECT_THROW(MixtureAssignments({}, 0.5, {0, 1}, 1, 1), UserError);
  EXPECT_THROW(MixtureAssignments({std::nan("")}, 0.5, {0, 1}, 1, 1), UserError);
  EXPECT_THROW(MixtureAssignments({1.0}, 1.0, {0, 1}, 1, 1), UserError);
  EXPECT_THROW(MixtureAssignments({1.0}, 0.5, {0}, 1, 1), UserError);
  EXPECT_THROW(MixtureAssignments({1.0}, 0.5, {0, 1}, 0, 1), UserError);
  EXPECT_THROW(MixtureAssignments({1.0}, 0.5, {0, 1}, 1, -1), UserError);
}

}  // namespace
}  // namespace variscope
