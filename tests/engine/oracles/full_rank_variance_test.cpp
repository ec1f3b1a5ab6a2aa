/// Full-rank truths: closed forms against quadrature and dice, gradients against differences of the objective, both layouts of L.
#include "engine/oracles/full_rank_variance.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/models/gaussian.hpp"
#include "engine/oracles/truth.hpp"
#include "tests/engine/oracles/simulation.hpp"
#include "tests/engine/oracles/small_models.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;
using test::Dice;
using test::Point;

const char* const kFamily = "full_rank_gaussian";
const std::vector<double> kPrecision = {2.0, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1.0};
const Point kMean3 = {1.0, -0.5, 0.3};
const Point kRows3 = {0.8, -0.3, 0.6, 0.2, 0.5, 1.1};  // L row by row

Point joined(Point mean, const Point& factor) {
  mean.insert(mean.end(), factor.begin(), factor.end());
  return mean;
}

double trace(const std::vector<double>& v) {
  double sum = 0;
  for (const double x : v) sum += x;
  return sum;
}

TEST(LocationScale, LayoutsDescribeTheSameFamily) {
  const LocationScale rows = full_rank(3, joined(kMean3, kRows3), FactorLayout::rows);
  const Point logs = {std::log(0.8), std::log(0.6), std::log(1.1), -0.3, 0.2, 0.5};
  const LocationScale split = full_rank(3, joined(kMean3, logs), FactorLayout::log_diagonal);
  EXPECT_EQ(rows.parameters(), 9U);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_NEAR(rows.factor[i], split.factor[i], 1e-15);
    double identity = 0;
    for (std::size_t k = 0; k < 3; ++k) identity += rows.at(i / 3, k) * rows.inverse[k * 3 + i % 3];
    EXPECT_NEAR(identity, i / 3 == i % 3 ? 1.0 : 0.0, 1e-15);
  }
  EXPECT_NEAR(rows.log_determinant(), std::log(0.8 * 0.6 * 1.1), 1e-15);
  EXPECT_THROW(full_rank(3, Point(8, 0.1), FactorLayout::rows), std::invalid_argument);
  EXPECT_THROW(full_rank(1, Point{0.0, -1.0}, FactorLayout::rows), std::invalid_argument);
  EXPECT_THROW(mean_field(Point(3, 0.0)), std::invalid_argument);
}

TEST(FullRankVariance, GradientIsTheObjectivesSlope) {
  const models::Gaussian target(kPrecision, {0.2});
  // E l + H up to constants: -1/2 (m-a)'H(m-a) - 1/2 tr(L'HL) + log det L.
  const auto objective = [&](const Point& lambda) {
    const LocationScale q = full_rank(3, lambda, FactorLayout::rows);
    double value = q.log_determinant();
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) {
        double covariance = (q.mean[i] - 0.2) * (q.mean[j] - 0.2);
        for (std::size_t k = 0; k < 3; ++k) covariance += q.at(i, k) * q.at(j, k);
        value -= 0.5 * kPrecision[3 * i + j] * covariance;
      }
    }
    return value;
  };
  const Point lambda = joined(kMean3, kRows3);
  const std::vector<double> gradient = full_rank_gradient(target, full_rank(3, lambda, FactorLayout::rows), Objective::elbo);
  for (std::size_t p = 0; p < lambda.size(); ++p) {
    Point up = lambda;
    Point down = lambda;
    up[p] += 1e-5;
    down[p] -= 1e-5;
    EXPECT_NEAR(gradient[p], (objective(up) - objective(down)) / 2e-5, 1e-8) << p;
  }
}

TEST(FullRankVariance, IsTheMeanFieldsWhereLIsDiagonal) {
  const models::Gaussian target(kPrecision, {0.2});
  const Point lambda = {1.0, -0.5, 0.3, -0.2, 0.1, -0.6, 0.0, 0.0, 0.0};
  const Point diagonal(lambda.begin(), lambda.begin() + 6);
  for (const char* name : {"pw_cfe", "stl", "pw_antithetic"}) {
    const auto full = truth(name, target, kFamily, lambda, Objective::elbo, 2);
    const auto field = truth(name, target, "mean_field_gaussian", diagonal, Objective::elbo, 2);
    ASSERT_TRUE(full && field);
    EXPECT_EQ(full->mean.size(), 9U);
    for (std::size_t p = 0; p < 6; ++p) {
      EXPECT_NEAR(full->mean[p], field->mean[p], 1e-13);
      EXPECT_NEAR(full->variance[p], field->variance[p], 1e-13);
    }
  }
}

TEST(FullRankVariance, SticksTheLandingWhereQIsP) {
  // L = diag(1/2, 2) turned: H = (L L')^-1 for L = [[0.5, 0], [0.3, 0.4]].
  const double a = 0.5;
  const double b = 0.3;
  const double c = 0.4;
  const double det = a * a * c * c;
  const models::Gaussian target({(b * b + c * c) / det, -a * b / det, -a * b / det, a * a / det}, {0.7, -0.1});
  const Point lambda = {0.7, -0.1, a, b, c};
  Options o;
  o.layout = FactorLayout::rows;
  EXPECT_LT(trace(truth("stl", target, kFamily, lambda, Objective::elbo, 1, o)->variance), 1e-25);
  EXPECT_GT(trace(truth("pw_cfe", target, kFamily, lambda, Objective::elbo, 1, o)->variance), 1.0);
  EXPECT_NEAR(full_rank_optimal_mixture(target, full_rank(2, lambda, o.layout)), 1.0, 1e-12);
}

TEST(FullRankVariance, MatchesQuadratureInTwoDimensions) {
  const models::Gaussian target({1.7, -0.8, -0.8, 0.9}, {0.4, -0.2});
  for (const FactorLayout layout : {FactorLayout::rows, FactorLayout::log_diagonal}) {
    const Point lambda = {-0.6, 1.1, 0.9, 0.4, 0.6};
    for (const char* name : {"pw_cfe", "stl", "mix", "pw_antithetic", "taylor_hessian", "taylor_hvp", "bonnet_price"}) {
      Options o;
      o.layout = layout;
      for (const bool best : {true, false}) {
        if (!best) o.mixture = 0.3;
        const auto closed = truth(name, target, kFamily, lambda, Objective::elbo, 2, o);
        const auto numeric = quadrature_truth(name, target, kFamily, lambda, Objective::elbo, 2, o);
        ASSERT_TRUE(closed && numeric);
        for (std::size_t p = 0; p < 5; ++p) {
          EXPECT_NEAR(closed->mean[p], numeric->mean[p], closed->error + numeric->error) << name << p;
          EXPECT_NEAR(closed->variance[p], numeric->variance[p], closed->error + numeric->error) << name << p;
        }
      }
    }
  }
}

/// One sample from the definition, L row by row, value f = l - log q.
Point one_sample(const std::string& kind, const test::Function& f, const Point& lambda, Dice& dice) {
  const LocationScale q = full_rank(static_cast<std::size_t>(f.dim), lambda, FactorLayout::rows);
  const std::size_t dim = q.dim;
  Point eps(dim);
  Point z(dim);
  for (double& e : eps) e = dice.normal();
  q.place(eps.data(), z.data());
  // u solves L' u = eps, backwards.
  Point u(dim);
  for (std::size_t i = dim; i-- > 0;) {
    u[i] = eps[i];
    for (std::size_t k = i + 1; k < dim; ++k) u[i] -= q.at(k, i) * u[k];
    u[i] /= q.at(i, i);
  }
  double value = f.value(z) + q.log_determinant() + 0.5 * static_cast<double>(dim) * std::log(2.0 * std::numbers::pi);
  for (const double e : eps) value += 0.5 * e * e;
  const Point g = f.gradient(z);
  const Point at_mean = f.gradient(q.mean);
  const Point h = f.hessian(q.mean);
  Point result;
  const auto expansion = [&](std::size_t i) {
    double sum = at_mean[i];
    for (std::size_t j = 0; j < dim; ++j) sum += h[i * dim + j] * (z[j] - q.mean[j]);
    return sum;
  };
  const Point bent = f.hessian(z);
  /// (H L)_ij of the Hessian at the mean, or at z.
  const auto curvature = [&](std::size_t i, std::size_t j, const Point& hessian) {
    double sum = 0;
    for (std::size_t k = 0; k < dim; ++k) sum += hessian[i * dim + k] * q.at(k, j);
    return sum;
  };
  for (std::size_t i = 0; i < dim; ++i) {
    if (kind == "pw_cfe") result.push_back(g[i]);
    if (kind == "stl") result.push_back(g[i] + u[i]);
    if (kind == "sf_raw") result.push_back(value * u[i]);
    if (kind == "taylor_hessian" || kind == "taylor_hvp") result.push_back(g[i] - expansion(i) + at_mean[i]);
    if (kind == "bonnet_price") result.push_back(g[i]);
  }
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double entropy = i == j ? 1.0 / q.at(i, i) : 0.0;
      if (kind == "pw_cfe") result.push_back(g[i] * eps[j] + entropy);
      if (kind == "stl") result.push_back((g[i] + u[i]) * eps[j]);
      if (kind == "sf_raw") result.push_back(value * (u[i] * eps[j] - entropy));
      if (kind == "taylor_hessian") result.push_back((g[i] - expansion(i)) * eps[j] + curvature(i, j, h) + entropy);
      if (kind == "taylor_hvp") result.push_back((g[i] - at_mean[i]) * eps[j] + entropy);
      if (kind == "bonnet_price") result.push_back(curvature(i, j, bent) + entropy);
    }
  }
  return result;
}

TEST(FullRankVariance, MatchesDice) {
  // 6 x 5 + 2 x 9 parameters x 2 z-scores, each beyond 4.5 with probability 7e-6 (normal limit): false alarm 7e-4. Seeds fixed.
  Options o;
  o.layout = FactorLayout::rows;
  const test::Function bent = test::banana_function(2.0, 0.3);
  const test::FunctionModel banana(bent);
  const Point lambda = {0.4, 0.6, 0.8, 0.3, 0.7};
  std::uint32_t seed = 500;
  for (const char* name : {"pw_cfe", "stl", "sf_raw", "taylor_hessian", "taylor_hvp", "bonnet_price"}) {
    const auto exact = truth(name, banana, kFamily, lambda, Objective::elbo, 1, o);
    ASSERT_TRUE(exact) << name;
    const auto thrown = test::throw_dice(40000, ++seed, [&](Dice& dice) { return one_sample(name, bent, lambda, dice); });
    EXPECT_LT(test::largest_z(thrown, exact->mean, exact->variance), 4.5) << name;
    if (name == std::string("stl")) {  // the broken twin: the other one's truth
      const auto wrong = truth("pw_cfe", banana, kFamily, lambda, Objective::elbo, 1, o);
      EXPECT_GT(test::largest_z(thrown, wrong->mean, wrong->variance), 10);
    }
  }
  const models::Gaussian target(kPrecision, {0.2});
  test::Function f;
  f.dim = 3;
  f.gradient = [](const Point& z) {
    Point g(3, 0.0);
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) g[i] -= kPrecision[3 * i + j] * (z[j] - 0.2);
    }
    return g;
  };
  f.value = [](const Point&) { return 0.0; };
  f.hessian = [](const Point&) { return Point(9, 0.0); };
  for (const char* name : {"pw_cfe", "stl"}) {
    const auto exact = truth(name, target, kFamily, joined(kMean3, kRows3), Objective::elbo, 1, o);
    const auto thrown = test::throw_dice(40000, ++seed, [&](Dice& dice) { return one_sample(name, f, joined(kMean3, kRows3), dice); });
    EXPECT_LT(test::largest_z(thrown, exact->mean, exact->variance), 4.5) << name;
  }
}

/// One sample of weak derivatives by their definition: noise replaced number by number, both triangles of C, the chain written out.
Point one_weak_derivative(const models::Gaussian& target, const LocationScale& q, Dice& dice) {
  const std::size_t dim = q.dim;
  Point eps(dim);
  for (double& e : eps) e = dice.normal();
  const auto value = [&](std::size_t k, double replaced) {
    Point other = eps;
    other[k] = replaced;
    Point z(dim);
    q.place(other.data(), z.data());
    double sum = 0;
    for (std::size_t i = 0; i < dim; ++i) {
      for (std::size_t j = 0; j < dim; ++j)
        sum -= 0.5 * target.precision()[i * dim + j] * (z[i] - target.mean()[i]) * (z[j] - target.mean()[j]);
    }
    return sum;
  };
  Point a(dim);
  std::vector<Point> c(dim, Point(dim));
  for (std::size_t k = 0; k < dim; ++k) {
    const double w = dice.rayleigh();
    // A Maxwell variable of this noise's sign and length: two more normals beside it.
    const double maxwell = std::copysign(std::hypot(eps[k], std::hypot(dice.normal(), dice.normal())), eps[k]);
    a[k] = (value(k, w) - value(k, -w)) / std::sqrt(2 * std::numbers::pi);
    for (std::size_t l = 0; l < dim; ++l) c[k][l] = a[k] * eps[l];
    c[k][k] = value(k, maxwell) - value(k, maxwell * dice.uniform());
  }
  Point gradient;
  for (std::size_t i = 0; i < dim; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < dim; ++k) sum += q.back(i, k) * a[k];
    gradient.push_back(sum);
  }
  for (const LocationScale::Entry& entry : q.entries) {
    double sum = q.entropy_slope(gradient.size());
    for (std::size_t k = 0; k < dim; ++k) sum += entry.chain * q.back(entry.row, k) * c[k][entry.column];
    gradient.push_back(sum);
  }
  return gradient;
}

TEST(FullRankVariance, WeakDerivativesOfTheNoise) {
  const models::Gaussian target(kPrecision, {0.2});
  Options o;
  o.entropy = Entropy::exact;
  for (const FactorLayout layout : {FactorLayout::rows, FactorLayout::log_diagonal}) {
    o.layout = layout;
    const Point logs = {std::log(0.8), std::log(0.6), std::log(1.1), -0.3, 0.2, 0.5};
    const Point lambda = joined(kMean3, layout == FactorLayout::rows ? kRows3 : logs);
    const auto closed = truth("mvd", target, kFamily, lambda, Objective::elbo, 1, o);
    ASSERT_TRUE(closed);
    const LocationScale q = full_rank(3, lambda, layout);
    const test::Simulated simulated = test::throw_dice(40000, 17, [&](Dice& dice) { return one_weak_derivative(target, q, dice); });
    // 18 z-scores each time; 5 is passed by chance once in 10^5.
    EXPECT_LT(test::largest_z(simulated, closed->mean, closed->variance), 5);
    // The twin without what C's diagonal shares with the rest of its column.
    std::vector<double> wrong = closed->variance;
    wrong[3] *= 1.2;
    EXPECT_GT(test::largest_z(simulated, closed->mean, wrong), 6);
  }
  // A diagonal factor: the mean-field Gaussian's, twice derived.
  const Point diagonal = joined(kMean3, {0.1, -0.4, 0.3, 0, 0, 0});
  o.layout = FactorLayout::log_diagonal;
  const auto full = truth("mvd", target, kFamily, diagonal, Objective::elbo, 3, o);
  const auto field = truth("mvd", target, "mean_field_gaussian", joined(kMean3, {0.1, -0.4, 0.3}), Objective::elbo, 3, o);
  ASSERT_TRUE(full && field);
  for (std::size_t p = 0; p < 6; ++p) EXPECT_NEAR(full->variance[p], field->variance[p], 1e-12);
  // Nothing where nothing is known: sampled entropy, other targets.
  o.entropy = Entropy::sampled;
  EXPECT_FALSE(truth("mvd", target, kFamily, diagonal, Objective::elbo, 3, o));
  o.entropy = Entropy::exact;
  EXPECT_FALSE(quadrature_truth("mvd", models::Gaussian({1, 0, 0, 1}, {0.0}), kFamily, Point{0, 0, 0, 0, 0}, Objective::elbo, 3, o));
}

TEST(FullRankVariance, KnowsThePriorsDivergence) {
  // One dimension, conjugate: only sum (y - z) is random in PW-KL, whatever the family is called.
  const test::NormalMean model({0.3, -1.2, 2.1, 0.8});
  Options o;
  o.layout = FactorLayout::rows;
  const auto full = truth("pw_kl", model, kFamily, Point{0.1, 0.9}, Objective::elbo, 2, o);
  const auto field = truth("pw_kl", model, "mean_field_gaussian", Point{0.1, std::log(0.9)}, Objective::elbo, 2);
  ASSERT_TRUE(full && field);
  EXPECT_NEAR(full->mean[1], field->mean[1] / 0.9, 1e-11);
  EXPECT_NEAR(full->variance[1], field->variance[1] / 0.81, 1e-11);
  EXPECT_FALSE(truth("mvd", model, kFamily, Point{0.1, 0.9}, Objective::elbo, 2, o));
}

}  // namespace
}  // namespace variscope::oracles
