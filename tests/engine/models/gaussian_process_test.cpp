/// Gaussian processes against closed forms of one and two rows, Eigen's dense algebra, quadrature, and simulation.
#include "engine/models/gaussian_process.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "engine/error.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::models {
namespace {

using Shape = GaussianProcessShape;
const double kPi = std::numbers::pi;

/// A table of inputs and a response; the intercept stands between them, to be left out.
data::Table table_of(const std::vector<std::vector<double>>& inputs, const std::vector<double>& y) {
  data::Table table;
  table.rows = static_cast<Index>(y.size());
  table.held = {0, table.rows};
  table.columns = {"x0", "intercept"};
  for (std::size_t d = 1; d < inputs.front().size(); ++d) table.columns.push_back("x" + std::to_string(d));
  for (const auto& x : inputs) {
    table.design.push_back(x[0]);
    table.design.push_back(1.0);
    table.design.insert(table.design.end(), x.begin() + 1, x.end());
  }
  table.response = y;
  table.response_name = "y";
  return table;
}

random::Stream stream_of(std::uint32_t task, std::uint32_t minor) { return {77, random::Purpose::testing, task, 0, minor}; }

data::Table random_table(Index rows, std::size_t inputs, std::uint32_t task) {
  std::vector<std::vector<double>> x;
  std::vector<double> y;
  for (Index n = 0; n < rows; ++n) {
    const random::Stream stream = stream_of(task, static_cast<std::uint32_t>(n));
    auto& row = x.emplace_back();
    for (std::size_t d = 0; d < inputs; ++d) row.push_back(random::normal(stream, static_cast<std::uint32_t>(d)));
    y.push_back(std::sin(row[0]) + 0.3 * random::normal(stream, 20));
  }
  return table_of(x, y);
}

Shape shape_of(Covariance covariance, Shape::Form form = Shape::Form::marginal, bool by_column = false) {
  Shape shape;
  shape.covariance = covariance;
  shape.form = form;
  shape.by_column = by_column;
  shape.mean = 0.2;
  shape.length_scale = parse_scale_prior("inverse_gamma(3, 2)", "l", 30);
  shape.signal_sd = parse_scale_prior("half_normal(1.5)", "s", 30);
  shape.noise_sd = parse_scale_prior("exponential(2)", "n", 30);
  return shape;
}

// Priors written down, with the logarithm's Jacobian.
double log_inverse_gamma(double l) { return 3 * std::log(2.0) - std::log(2.0) - 4 * std::log(l) - 2 / l + std::log(l); }
double log_half_normal(double s) { return std::log(2.0) - std::log(1.5) - 0.5 * std::log(2 * kPi) - s * s / 4.5 + std::log(s); }
double log_exponential(double n) { return std::log(2.0) - 2 * n + std::log(n); }

/// k and dk/dq as Rasmussen and Williams write them, in r.
double kernel(Covariance kind, double q) {
  const double r = std::sqrt(q);
  if (kind == Covariance::squared_exponential) return std::exp(-r * r / 2);
  if (kind == Covariance::matern32) return (1 + std::sqrt(3.0) * r) * std::exp(-std::sqrt(3.0) * r);
  return (1 + std::sqrt(5.0) * r + 5 * r * r / 3) * std::exp(-std::sqrt(5.0) * r);
}

double log_normal(double x, double mean, double variance) {
  return -0.5 * (x - mean) * (x - mean) / variance - 0.5 * std::log(2 * kPi * variance);
}

tiles::Batch column_of(const std::vector<double>& theta) {
  tiles::Batch batch(static_cast<Index>(theta.size()), 1);
  for (std::size_t d = 0; d < theta.size(); ++d) batch(static_cast<Index>(d), 0) = theta[d];
  return batch;
}

double value(const Model& model, const std::vector<double>& theta) { return test::prior(model, column_of(theta), test::kValue)(0, 0); }

const std::vector<Covariance> kKernels = {Covariance::squared_exponential, Covariance::matern32, Covariance::matern52};

TEST(GaussianProcess, OfOneRowIsANormal) {
  const data::Table table = table_of({{0.7}}, {1.3});
  const GaussianProcess model(table, shape_of(Covariance::matern32));
  for (const double u : {-1.0, 0.4}) {
    const double s = std::exp(u);
    const double n = std::exp(0.5 * u - 0.3);
    const double l = std::exp(0.2);
    const double expected =
        log_inverse_gamma(l) + log_half_normal(s) + log_exponential(n) + log_normal(1.3, 0.2, s * s * (1 + 1e-9) + n * n);
    EXPECT_NEAR(value(model, {0.2, u, 0.5 * u - 0.3}), expected, 1e-13);
    const auto leave_one_out = model.predict(std::vector<double>{0.2, u, 0.5 * u - 0.3}, dense::Matrix(1, 1, std::vector<double>{2.0}));
    const double k = s * s * kernel(Covariance::matern32, std::pow(1.3 / l, 2));
    const double variance = s * s * (1 + 1e-9) + n * n;
    EXPECT_NEAR(leave_one_out[0].mean, 0.2 + k / variance * 1.1, 1e-14);
    EXPECT_NEAR(leave_one_out[0].variance, s * s * (1 + 1e-9) - k * k / variance, 1e-14);
  }
}

TEST(GaussianProcess, OfTwoRowsIsABivariateNormal) {
  const data::Table table = table_of({{0.0, 1.0}, {0.6, -0.5}}, {0.9, -0.4});
  for (const Covariance kind : kKernels) {
    const GaussianProcess model(table, shape_of(kind, Shape::Form::marginal, true));
    const std::vector<double> u = {0.1, -0.3, 0.4, -1.0};
    const double l0 = std::exp(u[0]);
    const double l1 = std::exp(u[1]);
    const double s2 = std::exp(2 * u[2]);
    const double n2 = std::exp(2 * u[3]);
    const double v = s2 * (1 + 1e-9) + n2;
    const double c = s2 * kernel(kind, std::pow(0.6 / l0, 2) + std::pow(1.5 / l1, 2));
    const double det = v * v - c * c;
    const double a = 0.9 - 0.2;
    const double b = -0.4 - 0.2;
    const double expected = log_inverse_gamma(l0) + log_inverse_gamma(l1) + log_half_normal(std::exp(u[2])) +
                            log_exponential(std::exp(u[3])) - 0.5 * (v * (a * a + b * b) - 2 * c * a * b) / det - 0.5 * std::log(det) -
                            std::log(2 * kPi);
    EXPECT_NEAR(value(model, u), expected, 1e-12);
  }
}

/// What Eigen makes of the same hyperparameters, by explicit inverses.
struct Dense {
  Eigen::MatrixXd k;                ///< without noise
  std::vector<Eigen::MatrixXd> by;  ///< d k / d log length scale d, then / d log signal sd
  std::vector<std::vector<double>> x;

  Dense(const data::Table& table, Covariance kind, const std::vector<double>& lengths, double s) {
    const Index rows = table.rows;
    for (Index n = 0; n < rows; ++n) {
      auto& row = x.emplace_back();
      for (Index d = 0; d < table.width(); ++d) {
        if (d != 1) row.push_back(table.row(n)[d]);
      }
    }
    k.resize(rows, rows);
    by.assign(lengths.size() + 1, Eigen::MatrixXd(rows, rows));
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < rows; ++j) {
        const auto q_at = [&](std::size_t moved, double factor) {
          double q = 0;
          for (std::size_t d = 0; d < lengths.size(); ++d)
            q += std::pow((at(i, d) - at(j, d)) / (lengths[d] * (d == moved ? factor : 1.0)), 2);
          return q;
        };
        k(i, j) = s * s * (kernel(kind, q_at(99, 1)) + (i == j ? 1e-9 : 0.0));
        // In log length: central differences with one Richardson step, error 1e-11.
        const auto slope = [&](std::size_t d, double h) {
          return s * s * (kernel(kind, q_at(d, std::exp(h))) - kernel(kind, q_at(d, std::exp(-h)))) / (2 * h);
        };
        for (std::size_t d = 0; d < lengths.size(); ++d) by[d](i, j) = (4 * slope(d, 5e-4) - slope(d, 1e-3)) / 3;
        by.back()(i, j) = 2 * k(i, j);
      }
    }
  }
  [[nodiscard]] double at(Index n, std::size_t d) const { return x[static_cast<std::size_t>(n)][d]; }
};

TEST(GaussianProcess, MarginalAgreesWithDenseAlgebra) {
  for (const Index rows : {5, 8, 37}) {
    const data::Table table = random_table(rows, 3, 1);
    for (const Covariance kind : kKernels) {
      const GaussianProcess model(table, shape_of(kind, Shape::Form::marginal, true));
      const std::vector<double> u = {0.3, 0.8, -0.2, 0.1, -0.9};
      const double n = std::exp(u[4]);
      const Dense dense(table, kind, {std::exp(u[0]), std::exp(u[1]), std::exp(u[2])}, std::exp(u[3]));
      const Eigen::MatrixXd c = dense.k + n * n * Eigen::MatrixXd::Identity(rows, rows);
      const Eigen::MatrixXd inverse = c.inverse();
      Eigen::VectorXd y(rows);
      for (Index i = 0; i < rows; ++i) y(i) = table.response[static_cast<std::size_t>(i)] - 0.2;
      const Eigen::VectorXd a = inverse * y;
      double expected = -0.5 * y.dot(a) - 0.5 * std::log(c.determinant()) - 0.5 * static_cast<double>(rows) * std::log(2 * kPi);
      for (const double l : {u[0], u[1], u[2]}) expected += log_inverse_gamma(std::exp(l));
      expected += log_half_normal(std::exp(u[3])) + log_exponential(n);
      const tiles::Batch out = test::prior(model, column_of(u), test::kBoth);
      EXPECT_NEAR(out(0, 0), expected, 1e-10 * static_cast<double>(rows));
      // Equation 5.9: tr((a a' - C^-1) dC) / 2, and the priors' derivatives -4 + 2/l + 1, 1 - s^2 / 1.5^2, 1 - 2 n.
      std::vector<Eigen::MatrixXd> by = dense.by;
      by.emplace_back(2 * n * n * Eigen::MatrixXd::Identity(rows, rows));
      for (std::size_t j = 0; j < by.size(); ++j) {
        const double slope = j < 3 ? -3 + 2 / std::exp(u[j]) : j == 3 ? 1 - std::exp(2 * u[3]) / 2.25 : 1 - 2 * n;
        const double trace = 0.5 * (a.dot(by[j] * a) - (inverse * by[j]).trace());
        EXPECT_NEAR(out(1 + static_cast<Index>(j), 0), trace + slope, 1e-8 * static_cast<double>(rows)) << j;
      }
    }
  }
}

TEST(GaussianProcess, PredictsAsDenseAlgebraDoes) {
  const Index rows = 23;
  const data::Table table = random_table(rows, 2, 2);
  const std::vector<double> u = {-0.1, 0.2, -0.7};
  const GaussianProcess model(table, shape_of(Covariance::matern52));
  const Dense dense(table, Covariance::matern52, {std::exp(u[0]), std::exp(u[0])}, std::exp(u[1]));
  const Eigen::MatrixXd c = dense.k + std::exp(2 * u[2]) * Eigen::MatrixXd::Identity(rows, rows);
  Eigen::VectorXd y(rows);
  for (Index i = 0; i < rows; ++i) y(i) = table.response[static_cast<std::size_t>(i)] - 0.2;
  const dense::Matrix inputs(3, 2, std::vector<double>{0.1, 0.2, -1, 2, 30, -40});
  const auto found = model.predict(u, inputs);
  for (Index m = 0; m < 3; ++m) {
    Eigen::VectorXd with(rows);
    for (Index i = 0; i < rows; ++i) {
      const double q = std::pow(dense.at(i, 0) - inputs(m, 0), 2) + std::pow(dense.at(i, 1) - inputs(m, 1), 2);
      with(i) = std::exp(2 * u[1]) * kernel(Covariance::matern52, q * std::exp(-2 * u[0]));
    }
    EXPECT_NEAR(found[static_cast<std::size_t>(m)].mean, 0.2 + with.dot(c.llt().solve(y)), 1e-12);
    EXPECT_NEAR(found[static_cast<std::size_t>(m)].variance, std::exp(2 * u[1]) * (1 + 1e-9) - with.dot(c.llt().solve(with)), 1e-12);
  }
  EXPECT_NEAR(found[2].mean, 0.2, 1e-10);  // far from every row: the prior
}

TEST(GaussianProcess, LeavesOneOutAsAFitWithoutTheRowDoes) {
  const data::Table table = random_table(9, 2, 3);
  const std::vector<double> u = {0.1, 0.3, -0.5};
  const GaussianProcess model(table, shape_of(Covariance::squared_exponential));
  tiles::Batch values(9, 1);
  tiles::Batch means(9, 1);
  model.row_log_likelihood(test::range(0, 9), column_of(u).view(), values.view());
  model.row_mean(test::range(0, 9), column_of(u).view(), means.view());
  for (Index left = 0; left < 9; ++left) {
    std::vector<std::vector<double>> inputs;
    std::vector<double> y;
    for (Index n = 0; n < 9; ++n) {
      if (n == left) continue;
      inputs.push_back({table.row(n)[0], table.row(n)[2]});
      y.push_back(table.response[static_cast<std::size_t>(n)]);
    }
    const data::Table others = table_of(inputs, y);
    const GaussianProcess without(others, shape_of(Covariance::squared_exponential));
    const auto at = without.predict(u, dense::Matrix(1, 2, std::vector<double>{table.row(left)[0], table.row(left)[2]}));
    EXPECT_NEAR(means(left, 0), at[0].mean, 1e-12);
    const double expected = log_normal(table.response[static_cast<std::size_t>(left)], at[0].mean, at[0].variance + std::exp(2 * u[2]));
    EXPECT_NEAR(values(left, 0), expected, 1e-12);
  }
  // A list of rows takes those.
  tiles::Batch two(2, 1);
  model.row_mean(test::list({7, 2}), column_of(u).view(), two.view());
  EXPECT_EQ(two(0, 0), means(7, 0));
  EXPECT_EQ(two(1, 0), means(2, 0));
}

TEST(GaussianProcess, LatentFormIntegratesToTheMarginalForm) {
  // Over z in [-9, 9]^2 by the trapezoidal rule, whose error for densities like these is far below rounding at steps of 0.1. The twin, a
  // marginal form with the noise of another theta, must miss it.
  const data::Table table = table_of({{0.1}, {0.9}}, {0.7, -0.2});
  for (const Covariance kind : kKernels) {
    const GaussianProcess marginal(table, shape_of(kind));
    const GaussianProcess latent(table, shape_of(kind, Shape::Form::latent));
    const std::vector<double> u = {-0.2, 0.3, -0.4};
    double sum = 0;
    const int half = 90;
    for (int i = -half; i <= half; ++i) {
      tiles::Batch theta(5, 2 * half + 1);
      for (int j = -half; j <= half; ++j) {
        for (Index d = 0; d < 3; ++d) theta(d, j + half) = u[static_cast<std::size_t>(d)];
        theta(3, j + half) = 0.1 * i;
        theta(4, j + half) = 0.1 * j;
      }
      const tiles::Batch out = test::prior(latent, theta, test::kValue);
      for (int j = 0; j <= 2 * half; ++j) sum += 0.01 * std::exp(out(0, j));
    }
    EXPECT_NEAR(std::log(sum), value(marginal, u), 1e-11);
    EXPECT_GT(std::abs(std::log(sum) - value(marginal, {-0.2, 0.3, -0.39})), 1e-4);
  }
}

TEST(GaussianProcess, EvidenceIsTheIntegralOverTheHyperparameter) {
  // Signal sd alone is unknown: the sum over u = log s on a grid of 0.01 against Gauss-Kronrod in s of the bivariate normal written down.
  const data::Table table = table_of({{0.0}, {0.5}}, {1.4, 0.3});
  Shape shape = shape_of(Covariance::squared_exponential);
  shape.length_scale = parse_scale_prior("fixed(0.8)", "l", 30);
  shape.noise_sd = parse_scale_prior("fixed(0.4)", "n", 30);
  const GaussianProcess model(table, shape);
  ASSERT_EQ(model.dim(), 1);
  double sum = 0;
  for (int i = -2500; i <= 500; ++i) sum += 0.01 * std::exp(value(model, {0.01 * i}));
  const auto density = [](double s) {
    const double v = s * s * (1 + 1e-9) + 0.16;
    const double c = s * s * std::exp(-0.5 * 0.25 / 0.64);
    const double det = v * v - c * c;
    const double a = 1.4 - 0.2;
    const double b = 0.3 - 0.2;
    return 2 / (1.5 * std::sqrt(2 * kPi)) * std::exp(-s * s / 4.5) * std::exp(-0.5 * (v * (a * a + b * b) - 2 * c * a * b) / det) /
           (2 * kPi * std::sqrt(det));
  };
  const double exact = boost::math::quadrature::gauss_kronrod<double, 31>::integrate(density, 0.0, 20.0, 15, 1e-13);
  EXPECT_NEAR(sum / exact, 1, 1e-10);
}

TEST(GaussianProcess, LatentRowsAreTheirLikelihoods) {
  data::Table table = random_table(12, 1, 4);
  for (std::size_t n = 0; n < table.response.size(); ++n) table.response[n] = n % 3 == 0 ? 1.0 : 0.0;
  Shape shape = shape_of(Covariance::matern32, Shape::Form::latent);
  for (const auto likelihood : {Shape::Likelihood::bernoulli, Shape::Likelihood::poisson, Shape::Likelihood::gaussian}) {
    shape.likelihood = likelihood;
    const GaussianProcess model(table, shape);
    const tiles::Batch theta = test::random_batch(model.dim(), 3, 0.7, 5);
    tiles::Batch x(model.constrained_dim(), 3);
    model.constrain(theta.view(), x.view());
    tiles::Batch rows(12, 3);
    tiles::Batch means(12, 3);
    model.row_log_likelihood(test::range(0, 12), theta.view(), rows.view());
    model.row_mean(test::range(0, 12), theta.view(), means.view());
    const bool gaussian = likelihood == Shape::Likelihood::gaussian;
    EXPECT_EQ(model.dim(), gaussian ? 15 : 14);
    for (Index s = 0; s < 3; ++s) {
      // f by Eigen's factor.
      const double signal = std::exp(theta(1, s));
      const Dense dense(table, Covariance::matern32, {std::exp(theta(0, s))}, signal);
      const Eigen::MatrixXd lower = dense.k.llt().matrixL();
      Eigen::VectorXd z(12);
      const Index first = gaussian ? 3 : 2;
      for (Index n = 0; n < 12; ++n) z(n) = theta(first + n, s);
      const Eigen::VectorXd f = lower * z;
      double total = log_inverse_gamma(std::exp(theta(0, s))) + log_half_normal(signal) - 0.5 * z.squaredNorm() - 6 * std::log(2 * kPi);
      if (gaussian) total += log_exponential(std::exp(theta(2, s)));
      for (Index n = 0; n < 12; ++n) {
        const double y = table.response[static_cast<std::size_t>(n)];
        const double at = 0.2 + f(n);
        EXPECT_NEAR(x(model.dim() + n, s), at, 1e-12);
        const double p = 1 / (1 + std::exp(-at));
        double expected = y > 0.5 ? std::log(p) : std::log1p(-p);
        double mean = p;
        if (likelihood == Shape::Likelihood::poisson) {
          expected = y * at - std::exp(at) - std::lgamma(y + 1);
          mean = std::exp(at);
        } else if (gaussian) {
          expected = log_normal(y, at, std::exp(2 * theta(2, s)));
          mean = at;
        }
        EXPECT_NEAR(rows(n, s), expected, 1e-11);
        EXPECT_NEAR(means(n, s), mean, 1e-11 * (1 + std::abs(mean)));
        total += expected;
      }
      EXPECT_NEAR(test::prior(model, test::columns(theta, {s}), test::kValue)(0, 0), total, 1e-10);
    }
  }
}

/// The largest standard score of Stein's identities E d log p(theta, y) / d theta = 0, E theta_d d log p / d theta_d = -1 over joint draws
/// of theta and y, `stretch` times the response's distance from the mean.
double worst_joint_score(Shape shape, double stretch, bool wrong_prior) {
  const Index rows = 4;
  data::Table table = random_table(rows, 1, 6);
  const GaussianProcess model(table, shape);
  const Index dim = model.dim();
  const int count = 20000;
  std::vector<double> sums(static_cast<std::size_t>(2 * dim), 0.0);
  std::vector<double> squares = sums;
  std::vector<double> theta(static_cast<std::size_t>(dim));
  for (int s = 0; s < count; ++s) {
    const auto minor = static_cast<std::uint32_t>(s);
    model.simulate_prior({92, random::Purpose::prior_draw, 0, 0, minor}, theta);
    if (wrong_prior) theta[0] += 0.1;
    model.simulate_responses(test::range(0, rows), theta, {93, random::Purpose::response_draw, 0, minor, 0}, table.response);
    for (double& y : table.response) y = 0.2 + stretch * (y - 0.2);
    const tiles::Batch out = test::prior(model, column_of(theta), test::kGradient);
    for (Index d = 0; d < dim; ++d) {
      const auto at = static_cast<std::size_t>(d);
      for (const auto& [place, term] :
           {std::pair{at, out(1 + d, 0)}, {at + static_cast<std::size_t>(dim), theta[at] * out(1 + d, 0) + 1}}) {
        sums[place] += term;
        squares[place] += term * term;
      }
    }
  }
  double worst = 0;
  for (std::size_t k = 0; k < sums.size(); ++k)
    worst = std::max(worst, std::abs(sums[k]) / std::sqrt(squares[k] - sums[k] * sums[k] / count));
  return worst;
}

TEST(GaussianProcess, DrawsOfHyperparametersAndResponsesAreOfTheJointDensity) {
  // 5 standard errors over 20000 draws; 36 scores, each past 5 by chance with probability 6e-7. Responses stretched by a twentieth, and
  // length scales moved by a tenth in the logarithm, must fail.
  Shape shape = shape_of(Covariance::matern32);
  shape.length_scale = parse_scale_prior("lognormal(0, 0.5)", "l", 30);
  shape.signal_sd = parse_scale_prior("lognormal(0, 0.4)", "s", 30);
  shape.noise_sd = parse_scale_prior("lognormal(-1, 0.4)", "n", 30);
  EXPECT_LT(worst_joint_score(shape, 1, false), 5);
  EXPECT_GT(worst_joint_score(shape, 1.05, false), 5);
  EXPECT_GT(worst_joint_score(shape, 1, true), 5);
  shape.form = Shape::Form::latent;
  EXPECT_LT(worst_joint_score(shape, 1, false), 5);
  EXPECT_GT(worst_joint_score(shape, 1.05, false), 5);
  shape.likelihood = Shape::Likelihood::poisson;
  EXPECT_LT(worst_joint_score(shape, 1, false), 5);
  shape.likelihood = Shape::Likelihood::bernoulli;
  EXPECT_LT(worst_joint_score(shape, 1, false), 5);
}

TEST(GaussianProcess, PriorFunctionsHaveTheCovariance) {
  // 20000 draws: products of normals with variances v, w have variance v w + c^2; 5 standard errors, 9 scores.
  const data::Table table = random_table(3, 1, 7);
  const GaussianProcess model(table, shape_of(Covariance::matern52));
  const std::vector<double> u = {0.2, -0.3, 0.0};
  const dense::Matrix inputs(3, 1, std::vector<double>{0.0, 0.4, 2.5});
  const int count = 20000;
  double mean[3] = {};
  double product[3][3] = {};
  for (int s = 0; s < count; ++s) {
    const auto f = model.simulate_function(u, inputs, stream_of(8, static_cast<std::uint32_t>(s)));
    for (std::size_t i = 0; i < 3; ++i) {
      mean[i] += f[i] / count;
      for (std::size_t j = 0; j <= i; ++j) product[i][j] += (f[i] - 0.2) * (f[j] - 0.2) / count;
    }
  }
  const double v = std::exp(2 * u[1]);
  for (Index i = 0; i < 3; ++i) {
    EXPECT_NEAR(mean[i], 0.2, 5 * std::sqrt(v / count));
    for (Index j = 0; j <= i; ++j) {
      const double c = v * kernel(Covariance::matern52, std::pow((inputs(i, 0) - inputs(j, 0)) / std::exp(u[0]), 2));
      EXPECT_NEAR(product[i][j], c, 5 * std::sqrt((v * v + c * c) / count));
    }
  }
}

TEST(GaussianProcess, LatentPredictionsAreConditionalOnTheFunction) {
  // At a row with next to no distance from an input the prediction is f itself, without variance but for the nuggets.
  const data::Table table = table_of({{0.0}, {1.0}}, {0.3, 0.4});
  const GaussianProcess model(table, shape_of(Covariance::matern32, Shape::Form::latent));
  const std::vector<double> u = {0.0, 0.0, 0.0, 0.7, -1.1};
  tiles::Batch x(model.constrained_dim(), 1);
  model.constrain(column_of(u).view(), x.view());
  const auto found = model.predict(u, dense::Matrix(2, 1, std::vector<double>{1.0, 100.0}));
  EXPECT_NEAR(found[0].mean, x(6, 0), 1e-7);
  EXPECT_NEAR(found[0].variance, 2e-9, 1e-9);
  EXPECT_NEAR(found[1].mean, 0.2, 1e-12);
  EXPECT_NEAR(found[1].variance, 1, 1e-8);
}

TEST(GaussianProcess, BeyondTheLimitThePriorGoesOnByItsTangent) {
  const data::Table table = random_table(6, 1, 10);
  const GaussianProcess model(table, shape_of(Covariance::matern52));
  for (Index d = 0; d < 3; ++d) {
    for (const double sign : {-1.0, 1.0}) {
      const auto at = [&](double u) {
        std::vector<double> theta = {0.1, -0.2, -0.3};
        theta[static_cast<std::size_t>(d)] = sign * u;
        return test::prior(model, column_of(theta), test::kBoth);
      };
      const tiles::Batch near = at(31);
      const tiles::Batch far = at(900);
      ASSERT_TRUE(std::isfinite(far(0, 0)));
      const double slope = near(1 + d, 0);
      EXPECT_EQ(far(1 + d, 0), slope);
      EXPECT_NEAR(far(0, 0), near(0, 0) + 869 * sign * slope, 1e-12 * std::abs(far(0, 0)) + 1e-9);
      EXPECT_NEAR(at(30)(0, 0) + sign * slope, near(0, 0), 1e-12 * std::abs(near(0, 0)) + 1e-9);
      EXPECT_LT(sign * slope, 0);  // it falls on the way out
    }
  }
}

TEST(GaussianProcess, RefusesWhatMakesNoSense) {
  const data::Table table = random_table(4, 1, 9);
  const auto message = [](auto&& make) {
    try {
      make();
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was refused");
  };
  Shape shape = shape_of(Covariance::matern32);
  shape.likelihood = Shape::Likelihood::poisson;
  EXPECT_NE(message([&] { GaussianProcess(table, shape); }).find("model.form"), std::string::npos);
  shape = shape_of(Covariance::matern32);
  shape.mean = std::numeric_limits<double>::infinity();
  EXPECT_NE(message([&] { GaussianProcess(table, shape); }).find("model.mean"), std::string::npos);
  data::Table without = table;
  without.columns = {"intercept"};
  EXPECT_NE(message([&] { GaussianProcess(without, shape_of(Covariance::matern32)); }).find("no inputs"), std::string::npos);
  data::Table large = table;
  large.rows = 5001;
  large.held = {0, 0};
  EXPECT_NE(message([&] { GaussianProcess(large, shape_of(Covariance::matern32)); }).find("5001 rows"), std::string::npos);
  data::Table shard = table;
  shard.held = {0, 2};
  EXPECT_THROW(GaussianProcess(shard, shape_of(Covariance::matern32)), std::logic_error);
  EXPECT_NE(message([&] { parse_scale_prior("normal(0, 1)", "model.prior_noise_sd", 30); }).find("negative"), std::string::npos);
  EXPECT_NE(message([&] { parse_scale_prior("fixed(0)", "model.prior_noise_sd", 30); }).find("fixed(1)"), std::string::npos);
  EXPECT_NE(message([&] { parse_scale_prior("fixed(1e14)", "model.prior_noise_sd", 30); }).find("fixed(1)"), std::string::npos);
  const GaussianProcess model(table, shape_of(Covariance::matern32));
  std::vector<double> theta(3);
  EXPECT_NE(message([&] { model.unconstrain(std::vector<double>{1.0, -1.0, 1.0}, theta); }).find("signal_sd"), std::string::npos);
}

}  // namespace
}  // namespace variscope::models
