/// Minibatch samplers against the stationary laws of their discretised chains, which linear regression gives in closed form.
#include "engine/samplers/stochastic_gradient.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "engine/models/linear_regression.hpp"
#include "engine/models/normal_mean.hpp"
#include "tests/engine/samplers/setting.hpp"

namespace variscope {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using samplers::Dynamics;
using samplers::Flaw;
using samplers::RowControl;
using samplers::StochasticGradient;
using samplers::StochasticGradientSettings;

constexpr Index kRows = 40;
constexpr double kNoise = 0.8;
constexpr double kPrior = 2;

data::Table regression_table() {
  data::Table table;
  table.rows = kRows;
  table.held = {0, kRows};
  table.columns = {"a", "b"};
  table.response_name = "y";
  for (std::uint32_t n = 0; n < kRows; ++n) {
    const random::Stream stream{5, random::Purpose::testing, 2, 0, n};
    const double a = 1 + 0.5 * random::normal(stream, 0);
    const double b = random::normal(stream, 1) * random::normal(stream, 2);
    table.design.insert(table.design.end(), {a, b});
    table.response.push_back(0.5 * a - b + kNoise * random::normal(stream, 3));
  }
  return table;
}

MatrixXd kronecker(const MatrixXd& a, const MatrixXd& b) {
  MatrixXd product(a.rows() * b.rows(), a.cols() * b.cols());
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < a.cols(); ++j) product.block(i * b.rows(), j * b.cols(), b.rows(), b.cols()) = a(i, j) * b;
  }
  return product;
}

/// Posterior of the regression, and what minibatches make of its gradient: with the batch's B rows drawn without replacement, the sum
/// N / B sum a_i has covariance N^2 / B (1 - B / N) S^2.
struct Regression {
  MatrixXd precision = MatrixXd::Identity(2, 2) / (kPrior * kPrior);
  VectorXd mean;
  MatrixXd hessian_noise = MatrixXd::Zero(4, 4);   ///< E[(H^ - H) x (H^ - H)]
  MatrixXd gradient_noise = MatrixXd::Zero(2, 2);  ///< covariance of the gradient at the mean

  Regression(const data::Table& table, Index batch) {
    const auto rows = static_cast<double>(kRows);
    const auto size = static_cast<double>(batch);
    const auto row = [&](Index n) { return Eigen::Map<const VectorXd>(table.design.data() + 2 * n, 2); };
    VectorXd b = VectorXd::Zero(2);
    for (Index n = 0; n < kRows; ++n) {
      precision += row(n) * row(n).transpose() / (kNoise * kNoise);
      b += row(n) * table.response[static_cast<std::size_t>(n)] / (kNoise * kNoise);
    }
    mean = precision.ldlt().solve(b);
    const MatrixXd average = (precision - MatrixXd::Identity(2, 2) / (kPrior * kPrior)) / rows;
    const VectorXd slope = mean / (kPrior * kPrior) / rows;
    for (Index n = 0; n < kRows; ++n) {
      const MatrixXd apart = row(n) * row(n).transpose() / (kNoise * kNoise) - average;
      hessian_noise += kronecker(apart, apart);
      const VectorXd pull = row(n) * (table.response[static_cast<std::size_t>(n)] - row(n).dot(mean)) / (kNoise * kNoise) - slope;
      gradient_noise += pull * pull.transpose();
    }
    const double factor = rows * rows / size * (1 - size / rows) / (rows - 1);
    hessian_noise *= factor;
    gradient_noise *= factor;
  }
};

/// Covariance of the stationary law of s' = (A + L (H^ - H) R) s + L n + G z: V = A V A' + E[L D R V R' D L'] + L C L' + G G'.
MatrixXd stationary(const MatrixXd& a, const MatrixXd& l, const MatrixXd& r, const MatrixXd& g, const MatrixXd& hessian_noise,
                    const MatrixXd& gradient_noise) {
  const MatrixXd map = kronecker(a, a) + kronecker(l, l) * hessian_noise * kronecker(r, r);
  const MatrixXd noise = l * gradient_noise * l.transpose() + g * g.transpose();
  const Index n = a.rows();
  const VectorXd solved = (MatrixXd::Identity(n * n, n * n) - map).partialPivLu().solve(noise.reshaped());
  return solved.reshaped(n, n);
}

MatrixXd law(const StochasticGradientSettings& s, const Regression& of) {
  const MatrixXd one = MatrixXd::Identity(2, 2);
  const double h = s.step_size;
  const MatrixXd gradient_noise = s.control == RowControl::none ? of.gradient_noise : MatrixXd::Zero(2, 2);
  const bool exact = s.control == RowControl::snapshot && s.refresh == 1;
  const MatrixXd hessian_noise = exact ? MatrixXd::Zero(4, 4) : of.hessian_noise;
  if (s.dynamics == Dynamics::langevin)
    return stationary(one - 0.5 * h * of.precision, -0.5 * h * one, one, std::sqrt(h) * one, hessian_noise, gradient_noise);
  const double keep = 1 - s.friction * h;
  MatrixXd a(4, 4);
  a << one - h * h * of.precision, h * keep * one, -h * of.precision, keep * one;
  MatrixXd l(4, 2);
  l << -h * h * one, -h * one;
  MatrixXd r(2, 4);
  r << one, MatrixXd::Zero(2, 2);
  MatrixXd g(4, 2);
  g << h * one, one;
  return stationary(a, l, r, std::sqrt(2 * s.friction * h) * g, hessian_noise, gradient_noise);
}

/// Means of functions of the state over independent chains, with their errors.
struct Means {
  VectorXd mean;
  VectorXd error;
  [[nodiscard]] double worst(const VectorXd& truth) const { return ((mean - truth).cwiseAbs().array() / error.array()).maxCoeff(); }
};

template <class Function>
Means means_of(const samplers::Sampler& sampler, const models::Model& model, Index burn, Index draws, Index size, Function function) {
  constexpr Index kChains = 64;
  const approximations::Density density = approximations::density_of(model);
  const samplers::Run run{21, 0};
  auto chains = samplers::start_chains(sampler, density, model, run, {}, {0, kChains});
  MatrixXd own = MatrixXd::Zero(size, kChains);
  samplers::Schedule schedule(sampler, density, run);
  const auto nothing = [](Index, const samplers::Chain&, std::span<const double>) {};
  schedule.run(chains, burn, {}, nothing);
  schedule.run(chains, burn + draws, {}, [&](Index place, const samplers::Chain& chain, std::span<const double>) {
    own.col(place) += function(chain) / static_cast<double>(draws);
  });
  Means result;
  result.mean = own.rowwise().mean();
  result.error = ((own.colwise() - result.mean).rowwise().squaredNorm() / (kChains * (kChains - 1.0))).cwiseSqrt();
  return result;
}

VectorXd moments(const samplers::Chain& chain, const VectorXd& mean) {
  const VectorXd x = Eigen::Map<const VectorXd>(chain.position.data(), 2) - mean;
  return VectorXd{{x[0], x[1], x[0] * x[0], x[0] * x[1], x[1] * x[1]}};
}

VectorXd truth_of(const MatrixXd& v) { return VectorXd{{0, 0, v(0, 0), v(0, 1), v(1, 1)}}; }

struct Case {
  StochasticGradientSettings settings;
  double away = 0;  ///< how many errors the posterior itself has to be away from the chain's law, at least
};

std::vector<Case> cases() {
  const Index batch = 4;
  return {
      {{Dynamics::langevin, RowControl::none, 0.004, 1, batch}, 20},
      {{Dynamics::langevin, RowControl::none, 0.01, 1, kRows}, 7},  // all rows: the autoregression with 1 / (lambda (1 - h lambda / 4))
      {{Dynamics::langevin, RowControl::mode, 0.01, 1, batch}, 7},
      {{Dynamics::langevin, RowControl::snapshot, 0.01, 1, batch, 1}, 7},
      {{Dynamics::hamiltonian, RowControl::none, 0.04, 3, batch}, 20},
      {{Dynamics::hamiltonian, RowControl::mode, 0.08, 3, batch}, 7},
  };
}

// Student's t with 63 degrees of freedom beyond 6.3: 3e-8 each, 5 moments of 6 cases. The posterior, which the chain does not have, is told
// from its law; so is the law of a chain whose noise has half the variance.
TEST(StochasticGradient, HasTheLawOfItsDiscretisedChain) {
  const data::Table table = regression_table();
  const models::LinearRegression model(table, kNoise, 0, kPrior);
  for (const Case& c : cases()) {
    const Regression of(table, c.settings.batch_rows);
    const VectorXd truth = truth_of(law(c.settings, of));
    const auto look = [&](const samplers::Chain& chain) { return moments(chain, of.mean); };
    const Means means = means_of(StochasticGradient(2, c.settings), model, 600, 5000, 5, look);
    const std::string name = std::to_string(static_cast<int>(c.settings.dynamics)) + std::to_string(static_cast<int>(c.settings.control));
    EXPECT_LT(means.worst(truth), 6.3) << name << ": " << means.mean.transpose() << " for " << truth.transpose();
    EXPECT_GT(means.worst(truth_of(of.precision.inverse())), c.away) << name;
    auto broken = c.settings;
    broken.flaw = Flaw::half_step_missing;
    EXPECT_GT(means_of(StochasticGradient(2, broken), model, 600, 5000, 5, look).worst(truth), 7) << name;
  }
}

TEST(StochasticGradient, AnAnchorWithoutItsGradientIsCaught) {
  const data::Table table = regression_table();
  const models::LinearRegression model(table, kNoise, 0, kPrior);
  // At a mode the forgotten gradient is 0; a snapshot's is not.
  const StochasticGradientSettings broken{Dynamics::langevin, RowControl::snapshot, 0.01, 1, 4, 10, Flaw::no_correction};
  const Regression of(table, 4);
  auto right = broken;
  right.flaw = Flaw::none;
  const auto look = [&](const samplers::Chain& chain) { return moments(chain, of.mean); };
  EXPECT_GT(means_of(StochasticGradient(2, broken), model, 600, 2000, 5, look).worst(truth_of(law(right, of))), 7);
}

/// The thermostat in one dimension: its stationary law is not known, two of its moments are, for every step size. x' - x = h p' and
/// xi' - xi = h (p'^2 - 1) have mean 0 under it, and so has x'^2 - x^2: E p'^2 = 1, E x' p' = h / 2 (x from the posterior's mean or any).
TEST(StochasticGradient, ThermostatBalancesTheNoiseOfMinibatches) {
  data::Table table;
  constexpr Index kMany = 100;
  table.rows = kMany;
  table.held = {0, kMany};
  table.columns = {"intercept"};
  table.design.assign(kMany, 1.0);
  table.response_name = "y";
  double sum = 0;
  double squares = 0;
  for (std::uint32_t n = 0; n < kMany; ++n) {
    table.response.push_back(random::normal({5, random::Purpose::testing, 3, 0, n}, 0));
    sum += table.response.back();
    squares += table.response.back() * table.response.back();
  }
  const models::NormalMean model(table, 0, 1);
  const double precision = kMany + 1;
  const double mean = sum / precision;
  // The rows' Hessians agree, so that the gradient's noise is the same everywhere.
  const Index batch = 2;
  const double spread = (squares - sum * sum / kMany) / (kMany - 1);
  const double noise = 1.0 * kMany * kMany / batch * (1 - static_cast<double>(batch) / kMany) * spread;
  const StochasticGradientSettings settings{Dynamics::nose_hoover, RowControl::none, 0.005, 5, batch};
  const double h = settings.step_size;
  const auto look = [&](const samplers::Chain& chain) {
    const double x = chain.position[0] - mean;
    const double p = chain.state[2];
    return VectorXd{{x, p, p * p, x * p, x * x, chain.state[0]}};
  };
  const Means means = means_of(StochasticGradient(1, settings), model, 4000, 40000, 6, look);
  const VectorXd exact{{0, 0, 1, h / 2}};
  EXPECT_LT(((means.mean - VectorXd{{0, 0, 1, h / 2, 0, 0}}).head(4).cwiseAbs().array() / means.error.head(4).array()).maxCoeff(), 6.3)
      << means.mean.transpose() << " +- " << means.error.transpose();
  // Up to O(h): the friction is a + h noise / 2 and the variance the posterior's, while SGHMC's would be times (a + h noise / 2) / a = 3.4.
  const double friction = settings.friction + 0.5 * h * noise;
  EXPECT_GT(friction / settings.friction, 3);
  EXPECT_NEAR(means.mean[5] / friction, 1, 0.1);
  EXPECT_NEAR(means.mean[4] * precision, 1, 0.1);
  const StochasticGradientSettings without{Dynamics::hamiltonian, RowControl::none, h, settings.friction, batch};
  EXPECT_GT(means_of(StochasticGradient(1, without), model, 4000, 4000, 6, look).mean[4] * precision, 2.5);
}

TEST(StochasticGradient, CountsItsRows) {
  const data::Table table = regression_table();
  const models::LinearRegression model(table, kNoise, 0, kPrior);
  for (const RowControl control : {RowControl::none, RowControl::mode, RowControl::snapshot}) {
    const StochasticGradient sampler(2, {Dynamics::langevin, control, 0.004, 1, 4, 10});
    const test::Chains run(sampler, model, {3, 0}, {0, 5}, 31);
    const std::size_t rows = test::place_of(sampler, "n_grad_rows");
    for (const auto& records : run.trace.records) {
      for (std::size_t i = 0; i < records.size(); ++i) {
        EXPECT_EQ(records[i][rows], control == RowControl::none ? 4 : 8);
        const double gradients = records[i][1];
        if (control == RowControl::mode) {
          EXPECT_EQ(gradients > 0, i == 0);
        } else {
          EXPECT_EQ(gradients, control == RowControl::snapshot && i > 0 && i % 10 == 0 ? 1 : 0);
        }
      }
    }
  }
}

// lp is an unbiased estimate; at the mode's anchor it has almost no noise near the mode.
TEST(StochasticGradient, FindsTheModeAndItsDensity) {
  const data::Table table = regression_table();
  const models::LinearRegression model(table, kNoise, 0, kPrior);
  const Regression of(table, 4);
  const StochasticGradient sampler(2, {Dynamics::langevin, RowControl::mode, 1e-12, 1, 4});
  const test::Chains run(sampler, model, {3, 0}, {0, 9}, 1);
  for (const samplers::Chain& chain : run.chains) {
    std::vector<double> gradient(2);
    const double value = approximations::value_and_gradient(run.density, chain.position, gradient);
    EXPECT_NEAR(chain.log_density, value, 1e-4);
    for (std::size_t d = 0; d < 2; ++d) EXPECT_NEAR(chain.position[d], of.mean[static_cast<Index>(d)], 1e-4);
  }
}

}  // namespace
}  // namespace variscope
