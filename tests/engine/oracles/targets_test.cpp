/// Test targets: normalising constants and moments by quadrature of the log density, exact draws by moments and by Stein's identities.
#include "engine/oracles/targets.hpp"

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/models/catalogue.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

using tiles::Batch;
using Numbers = std::map<std::string, std::vector<double>>;

std::unique_ptr<models::Model> make(const std::string& name, const Numbers& numbers) {
  models::Arguments arguments = models::find(name)->smoke;
  for (const auto& [key, value] : numbers) arguments.numbers[key] = value;
  return models::find(name)->make(arguments);
}

/// Where to put the nodes: theta (1 or 2 entries) at (a, b), and the area there per unit of (a, b). A one-dimensional target ignores b.
using Place = std::function<double(double a, double b, double* theta)>;

struct Quadrature {
  double mass = 0;
  std::vector<double> mean;
  std::vector<double> sd;
};

/// Trapezoidal sums over |a| <= ra, |b| <= rb of the density and of its variables' first two moments.
Quadrature integrate(const models::Model& model, const Place& place, double ra, double step_a, double rb, double step_b) {
  const auto na = static_cast<Index>(std::lround(2 * ra / step_a));
  const Index nb = model.dim() == 1 ? 0 : static_cast<Index>(std::lround(2 * rb / step_b));
  const auto size = static_cast<std::size_t>(model.constrained_dim());
  std::vector<double> first(size);
  std::vector<double> second(size);
  Quadrature sums;
  for (Index i = 0; i <= na; ++i) {
    Batch theta(model.dim(), nb + 1);
    std::vector<double> area;
    for (Index j = 0; j <= nb; ++j) {
      double at[2] = {0, 0};
      area.push_back(step_a * (nb == 0 ? 1.0 : step_b) *
                     place(-ra + step_a * static_cast<double>(i), nb == 0 ? 0.0 : -rb + step_b * static_cast<double>(j), at));
      for (Index d = 0; d < model.dim(); ++d) theta(d, j) = at[d];
    }
    const Batch value = test::prior(model, theta, test::kValue);
    Batch x(model.constrained_dim(), nb + 1);
    model.constrain(theta.view(), x.view());
    for (Index j = 0; j <= nb; ++j) {
      const double p = area[static_cast<std::size_t>(j)] * std::exp(value(0, j));
      sums.mass += p;
      for (std::size_t d = 0; d < size; ++d) {
        first[d] += p * x(static_cast<Index>(d), j);
        second[d] += p * x(static_cast<Index>(d), j) * x(static_cast<Index>(d), j);
      }
    }
  }
  for (std::size_t d = 0; d < size; ++d) {
    sums.mean.push_back(first[d] / sums.mass);
    sums.sd.push_back(std::sqrt(second[d] / sums.mass - sums.mean[d] * sums.mean[d]));
  }
  return sums;
}

/// Truth against quadrature; and the truth with a wrong normaliser, mean or sd (by 1e-6) would be told apart.
void expect_truth(const std::string& name, const Numbers& numbers, const Place& place, double ra, double step_a, double rb = 0,
                  double step_b = 1) {
  SCOPED_TRACE(name);
  const auto model = make(name, numbers);
  const auto truth = oracles::target_truth(*model);
  ASSERT_TRUE(truth.has_value());
  ASSERT_EQ(static_cast<Index>(truth->mean.size()), model->constrained_dim());
  ASSERT_EQ(truth->sd.size(), truth->mean.size());
  const Quadrature sums = integrate(*model, place, ra, step_a, rb, step_b);
  EXPECT_NEAR(std::log(sums.mass), truth->log_normaliser, 1e-9);
  for (std::size_t d = 0; d < truth->mean.size(); ++d) {
    EXPECT_NEAR(sums.mean[d], truth->mean[d], 1e-8 * (1 + std::abs(truth->mean[d]))) << d;
    if (std::isfinite(truth->sd[d])) {
      EXPECT_NEAR(sums.sd[d], truth->sd[d], 1e-8 * (1 + truth->sd[d])) << d;
    } else {
      EXPECT_GT(sums.sd[d], 3.0) << d;  // and grows with the radius
    }
  }
}

double plain(double a, double b, double* theta) {
  theta[0] = a;
  theta[1] = b;
  return 1;
}

TEST(TargetTruths, TruthsMatchQuadrature) {
  expect_truth("gaussian", {{"precision", {2.0, 0.6, 0.6, 1.5}}, {"mean", {0.5, -1.0}}}, plain, 12, 0.125, 12, 0.125);
  expect_truth("conditioned_gaussian", {{"dim", {2}}, {"condition", {20}}, {"rotation_seed", {3}}}, plain, 9, 0.0625, 9, 0.0625);
  expect_truth("conditioned_gaussian", {{"dim", {2}}, {"condition", {20}}, {"rotation_seed", {0}}}, plain, 9, 0.0625, 9, 0.0625);
  expect_truth(
      "banana", {},
      [](double a, double b, double* theta) {
        theta[0] = 3.0 * a;
        theta[1] = 0.1 * theta[0] * theta[0] + b;
        return 3.0;
      },
      10, 0.25, 10, 0.25);
  expect_truth(
      "student_t", {{"dim", {1}}, {"location", {0.5}}, {"scale", {1.5}}, {"nu", {5.0}}},
      [](double a, double, double* theta) {
        theta[0] = 0.5 + 1.5 * std::sinh(a);
        return 1.5 * std::cosh(a);
      },
      14, 0.03125);
  for (const auto& [a, b, centre] : {std::array{1001.0, 2.0, 6.2}, std::array{3.5, 2.0, 0.5}, std::array{0.7, 0.9, 0.0}}) {
    const double middle = centre;
    expect_truth(
        "beta", {{"dim", {1}}, {"a", {a}}, {"b", {b}}},
        [middle](double u, double, double* theta) {
          theta[0] = middle + u;
          return 1.0;
        },
        45, 0.03125);
  }
  expect_truth("normal_mixture", {{"weights", {0.2, 0.8}}, {"means", {-0.3, 0.5}}, {"sds", {0.1}}}, plain, 2, 0.0078125);
  expect_truth("normal_mixture", {{"weights", {3, 7}}, {"means", {-0.5, 0.2, 0.9, -0.4}}, {"sds", {0.6, 0.9}}}, plain, 10, 0.125, 10,
               0.125);
  expect_truth(
      "rosenbrock", {{"dim", {2}}, {"a", {0.05}}, {"b", {5.0}}, {"mu", {1.0}}},
      [](double a, double b, double* theta) {
        theta[0] = 1.0 + std::sqrt(10.0) * a;
        theta[1] = theta[0] * theta[0] + std::sqrt(0.1) * b;
        return 1.0;
      },
      10, 0.25, 10, 0.25);
  expect_truth(
      "funnel", {{"dim", {2}}, {"scale", {3.0}}},
      [](double a, double b, double* theta) {
        theta[0] = 3.0 * a;
        theta[1] = std::exp(1.5 * a) * b;
        return 3.0 * std::exp(1.5 * a);
      },
      14, 0.125, 10, 0.25);
  for (const double y : {0.0, 1.5, -4.0}) {
    expect_truth(
        "horseshoe_ridge", {{"y", {y}}},
        [y](double a, double b, double* theta) {
          const double lambda = std::exp(a);
          const double width = 1.0 / std::hypot(1.0, lambda);  // of z given lambda and y
          theta[0] = lambda * y * width * width + width * b;
          theta[1] = a;
          return width;
        },
        36, 0.0625, 9, 0.25);
  }
}

TEST(TargetTruths, SumsOverCoordinatesAndNothingForOthers) {
  // A target of independent parts has the parts' truths: constants add, moments stand side by side.
  const auto both = oracles::target_truth(*make("horseshoe_ridge", {{"y", {1.5, -4.0}}}));
  const auto one = oracles::target_truth(*make("horseshoe_ridge", {{"y", {1.5}}}));
  const auto other = oracles::target_truth(*make("horseshoe_ridge", {{"y", {-4.0}}}));
  EXPECT_NEAR(both->log_normaliser, one->log_normaliser + other->log_normaliser, 1e-14);
  for (std::size_t d = 0; d < 3; ++d) {
    EXPECT_EQ(both->mean[2 * d], one->mean[d]);
    EXPECT_EQ(both->mean[2 * d + 1], other->mean[d]);
  }
  EXPECT_FALSE(oracles::target_truth(*make("univariate", {})).has_value());
  EXPECT_TRUE(std::isinf(oracles::target_truth(*make("student_t", {{"nu", {2}}}))->sd[0]));
  EXPECT_TRUE(std::isnan(oracles::target_truth(*make("student_t", {{"nu", {1}}}))->mean[0]));
}

/// A target whose draws have the moments that the z-scores below need.
struct Drawn {
  std::string label;
  std::string name;
  Numbers numbers;
};

std::vector<Drawn> drawn() {
  return {{"gaussian", "gaussian", {}},
          {"conditioned_gaussian", "conditioned_gaussian", {{"dim", {5}}, {"condition", {1000}}}},
          {"banana", "banana", {}},
          {"student_t", "student_t", {{"nu", {9}}}},
          {"beta", "beta", {}},
          {"sharp_beta", "beta", {{"dim", {1}}, {"a", {1001}}, {"b", {2}}}},
          {"normal_mixture", "normal_mixture", {}},
          {"two_modes", "normal_mixture", {{"weights", {0.2, 0.8}}, {"means", {-0.3, 0.5}}, {"sds", {0.1}}}},
          {"rosenbrock", "rosenbrock", {}},
          {"funnel", "funnel", {{"dim", {3}}, {"scale", {0.7}}}},  // the kurtosis of x is 3 exp(scale^2)
          {"horseshoe_ridge", "horseshoe_ridge", {{"y", {0.0, 1.5, -4.0}}}}};
}

constexpr Index kDraws = 40000;

Batch draws_of(const models::Model& model) {
  EXPECT_TRUE(model.has_prior_simulation());
  Batch theta(model.dim(), kDraws);
  std::vector<double> one(static_cast<std::size_t>(model.dim()));
  for (Index s = 0; s < kDraws; ++s) {
    model.simulate_prior({77, random::Purpose::prior_draw, 0, 0, static_cast<std::uint32_t>(s)}, one);
    for (Index d = 0; d < model.dim(); ++d) theta(d, s) = one[static_cast<std::size_t>(d)];
  }
  return theta;
}

/// The average of term(s) over the draws, less what is claimed, in standard errors.
template <class F>
double z_score(F&& term, double claimed) {
  double sum = 0;
  double squares = 0;
  for (Index s = 0; s < kDraws; ++s) {
    const double off = term(s) - claimed;
    sum += off;
    squares += off * off;
  }
  const auto n = static_cast<double>(kDraws);
  return sum / n / std::sqrt((squares / n - sum / n * sum / n) / n);
}

class TargetDraws : public testing::TestWithParam<Drawn> {};

TEST_P(TargetDraws, HaveTheStatedMoments) {
  // 5 standard errors of 40000 draws, below 100 scores in all: false alarm 6e-5. Twins: a mean off by a twentieth sd is 10 errors away, an
  // sd off by a tenth at least 10 where the kurtosis is below 18.
  const auto model = make(GetParam().name, GetParam().numbers);
  const auto truth = oracles::target_truth(*model);
  const Batch theta = draws_of(*model);
  Batch x(model->constrained_dim(), kDraws);
  model->constrain(theta.view(), x.view());
  for (Index d = 0; d < x.dim(); ++d) {
    const double mean = truth->mean[static_cast<std::size_t>(d)];
    const double sd = truth->sd[static_cast<std::size_t>(d)];
    if (!std::isfinite(sd)) continue;  // no central limit theorem
    const auto square = [&](Index s) { return std::pow((x(d, s) - mean) / sd, 2); };
    EXPECT_LT(std::abs(z_score([&](Index s) { return x(d, s); }, mean)), 5) << d;
    EXPECT_LT(std::abs(z_score(square, 1.0)), 5) << d;
    EXPECT_GT(std::abs(z_score([&](Index s) { return x(d, s); }, mean + 0.05 * sd)), 5) << d;
    EXPECT_GT(std::abs(z_score(square, 1.21)), 5) << d;
  }
}

TEST_P(TargetDraws, SatisfySteinsIdentities) {
  // E d log p / d theta_d = 0 and E theta_e d log p / d theta_d = -1 if e = d, else 0: gradient, density and draws are of one kind.
  // Below 150 scores past 5 by chance: 9e-5. The twin, draws stretched by a tenth, must fail.
  const auto model = make(GetParam().name, GetParam().numbers);
  const auto worst = [&](double stretch) {
    Batch theta = draws_of(*model);
    for (Index k = 0; k < theta.size(); ++k) theta.data()[k] *= stretch;
    const Batch out = test::prior(*model, theta, test::kGradient);
    double largest = 0;
    for (Index d = 0; d < model->dim(); ++d) {
      largest = std::max(largest, std::abs(z_score([&](Index s) { return out(1 + d, s); }, 0.0)));
      for (Index e = 0; e < model->dim(); ++e)
        largest = std::max(largest, std::abs(z_score([&](Index s) { return theta(e, s) * out(1 + d, s); }, e == d ? -1.0 : 0.0)));
    }
    return largest;
  };
  EXPECT_LT(worst(1.0), 5);
  EXPECT_GT(worst(1.1), 5);
}

TEST_P(TargetDraws, AreAFunctionOfTheStreamAlone) {
  const auto model = make(GetParam().name, GetParam().numbers);
  std::vector<double> a(static_cast<std::size_t>(model->dim()));
  std::vector<double> b = a;
  std::vector<double> c = a;
  model->simulate_prior({77, random::Purpose::prior_draw, 0, 0, 5}, a);
  model->simulate_prior({77, random::Purpose::prior_draw, 0, 0, 6}, c);
  model->simulate_prior({77, random::Purpose::prior_draw, 0, 0, 5}, b);
  EXPECT_EQ(a, b);
  for (std::size_t d = 0; d < a.size(); ++d) EXPECT_NE(a[d], c[d]);
}

INSTANTIATE_TEST_SUITE_P(Targets, TargetDraws, testing::ValuesIn(drawn()), [](const auto& instance) { return instance.param.label; });

}  // namespace
}  // namespace variscope
