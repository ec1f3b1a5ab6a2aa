/// Bernoulli truths: the toy problem's closed forms, differences of the enumerated objective, and dice.
#include "engine/oracles/bernoulli.hpp"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

#include "engine/models/bernoulli_toy.hpp"
#include "engine/models/univariate.hpp"
#include "engine/oracles/truth.hpp"
#include "tests/engine/oracles/simulation.hpp"
#include "tests/engine/oracles/small_models.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;
using test::Dice;
using test::Point;

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// A function of three bits with all interactions, and differentiable.
test::Function three_bits() {
  test::Function f;
  f.dim = 3;
  f.value = [](const Point& z) { return std::sin(1.0 + z[0] + 2.0 * z[1]) * (1.0 + 0.5 * z[2]) - 0.3 * z[2]; };
  f.gradient = [](const Point& z) {
    const double wave = std::cos(1.0 + z[0] + 2.0 * z[1]) * (1.0 + 0.5 * z[2]);
    return Point{wave, 2.0 * wave, 0.5 * std::sin(1.0 + z[0] + 2.0 * z[1]) - 0.3};
  };
  return f;
}

TEST(Bernoulli, ToyProblemOfTheLiterature) {
  // E[(b - p0)^2]: Var ARM = (1 - 2 p0)^2 / 48 at phi = 0; Var REINFORCE = s (1-s) [(1-p0)^2 (1-s) + p0^2 s]^2.
  for (const double p0 : {0.45, 0.1, 0.49}) {
    const models::Univariate toy(models::Univariate::Function::square, p0);
    const auto variance = [&](const char* name, double phi) {
      const auto t = truth(name, toy, "bernoulli", Point{phi}, Objective::expectation, 1);
      EXPECT_TRUE(t) << name;
      const double s = sigmoid(phi);
      EXPECT_NEAR(t->mean[0], s * (1.0 - s) * (1.0 - 2.0 * p0), 1e-15) << name;
      return t->variance[0];
    };
    EXPECT_NEAR(variance("arm", 0.0), (1.0 - 2.0 * p0) * (1.0 - 2.0 * p0) / 48.0, 1e-16);
    for (const double phi : {-1.3, 0.0, 0.4, 2.0}) {
      const double s = sigmoid(phi);
      const double bracket = (1.0 - p0) * (1.0 - p0) * (1.0 - s) + p0 * p0 * s;
      EXPECT_NEAR(variance("reinforce", phi), s * (1.0 - s) * bracket * bracket, 1e-15);
      EXPECT_EQ(variance("reinforce", phi), variance("sf_raw", phi));
      EXPECT_LE(variance("disarm", phi), variance("arm", phi));
    }
    // At phi = 0 the pair is always (0, 1) or (1, 0): no noise is left.
    EXPECT_NEAR(variance("disarm", 0.0), 0.0, 1e-17);
  }
}

TEST(Bernoulli, UnbiasedEstimatorsHaveTheObjectivesSlope) {
  const test::FunctionModel model(three_bits());
  const test::Function f = three_bits();
  const Point logits = {0.3, -0.8, 1.4};
  // E f, and the entropy, by their definitions.
  const auto value = [&](const Point& phi, double entropy) {
    double sum = 0;
    for (int corner = 0; corner < 8; ++corner) {
      Point b(3);
      double weight = 1;
      for (std::size_t d = 0; d < 3; ++d) {
        b[d] = corner >> d & 1;
        weight *= b[d] > 0 ? sigmoid(phi[d]) : 1.0 - sigmoid(phi[d]);
      }
      sum += weight * (f.value(b) - entropy * std::log(weight));
    }
    return sum;
  };
  for (const Objective objective : {Objective::elbo, Objective::expectation}) {
    const double entropy = objective == Objective::elbo ? 1.0 : 0.0;
    const std::vector<double> gradient = bernoulli_gradient(model, logits, objective);
    for (std::size_t d = 0; d < 3; ++d) {
      Point up = logits;
      Point down = logits;
      up[d] += 1e-5;
      down[d] -= 1e-5;
      EXPECT_NEAR(gradient[d], (value(up, entropy) - value(down, entropy)) / 2e-5, 1e-9);
    }
    for (const Entropy how : {Entropy::sampled, Entropy::own, Entropy::exact}) {
      Options o;
      o.entropy = how;
      o.coefficients = {0.3, -0.2, 0.9};
      o.baseline = 0.7;
      for (const char* name : {"sf_raw", "sf_loo", "sf_mean", "sf_rb", "arm", "disarm"}) {
        const auto t = truth(name, model, "bernoulli", logits, objective, 2, o);
        ASSERT_TRUE(t);
        for (std::size_t d = 0; d < 3; ++d) EXPECT_NEAR(t->mean[d], gradient[d], 1e-14) << name;
      }
    }
  }
}

/// The M-sample estimate from its definition; f = l - log q (elbo).
Point estimate(const std::string& kind, const test::Function& f, const Point& logits, Objective objective, Index samples,
               double temperature, Dice& dice) {
  const std::size_t dim = logits.size();
  const double entropy = objective == Objective::elbo ? 1.0 : 0.0;
  const auto value = [&](const Point& b) {
    double v = f.value(b);
    for (std::size_t d = 0; d < dim; ++d) v -= entropy * std::log(b[d] > 0 ? sigmoid(logits[d]) : sigmoid(-logits[d]));
    return v;
  };
  Point result(dim, 0.0);
  std::vector<Point> bits;
  Point values;
  for (Index i = 0; i < samples; ++i) {
    Point u(dim);
    Point b(dim);
    Point pair(dim);
    for (std::size_t d = 0; d < dim; ++d) {
      u[d] = dice.uniform();
      b[d] = u[d] > sigmoid(-logits[d]) ? 1.0 : 0.0;
      pair[d] = u[d] < sigmoid(logits[d]) ? 1.0 : 0.0;
    }
    bits.push_back(b);
    values.push_back(value(b));
    for (std::size_t d = 0; d < dim; ++d) {
      const double s = sigmoid(logits[d]);
      const double slope_of_entropy = -entropy * logits[d] * s * (1.0 - s);
      const double odds = (logits[d] + std::log(u[d] / (1.0 - u[d]))) / temperature;
      const double y = sigmoid(odds);
      double g = 0;
      if (kind == "arm") g = (value(b) - value(pair)) * (u[d] - 0.5);
      if (kind == "disarm" && b[d] != pair[d])
        g = 0.5 * (value(b) - value(pair)) * (pair[d] > 0 ? -1.0 : 1.0) * sigmoid(std::abs(logits[d]));
      if (kind == "straight_through") g = f.gradient(b)[d] * s * (1.0 - s) + slope_of_entropy;
      if (kind == "gumbel_softmax") g = f.gradient({y})[0] * y * (1.0 - y) / temperature + slope_of_entropy;
      if (kind == "straight_through_gumbel") g = f.gradient(b)[0] * y * (1.0 - y) / temperature + slope_of_entropy;
      result[d] += g / static_cast<double>(samples);
    }
  }
  if (kind != "sf_raw" && kind != "sf_loo") return result;
  double total = 0;
  for (const double v : values) total += v;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const double others = kind == "sf_loo" ? (total - values[i]) / static_cast<double>(samples - 1) : 0.0;
    for (std::size_t d = 0; d < dim; ++d)
      result[d] += (values[i] - others) * (bits[i][d] - sigmoid(logits[d])) / static_cast<double>(samples);
  }
  return result;
}

TEST(Bernoulli, MatchesDice) {
  // (5 names x 3 + 4 x 2) parameters x 2 objectives x 2 z-scores = 92 beyond 4.5 with probability 7e-6 (normal limit): false alarm 6e-4.
  const test::Function bits = three_bits();
  const test::FunctionModel model(bits);
  const Point logits = {0.3, -0.8, 1.4};
  std::uint32_t seed = 700;
  for (const Objective objective : {Objective::elbo, Objective::expectation}) {
    for (const char* name : {"sf_raw", "sf_loo", "arm", "disarm", "straight_through"}) {
      const auto exact = truth(name, model, "bernoulli", logits, objective, 3);
      ASSERT_TRUE(exact) << name;
      const auto thrown =
          test::throw_dice(40000, ++seed, [&](Dice& dice) { return estimate(name, bits, logits, objective, 3, 1.0, dice); });
      EXPECT_LT(test::largest_z(thrown, exact->mean, exact->variance), 4.5) << name;
      if (name == std::string("arm")) {  // the broken twin: the other one's truth
        const auto wrong = truth("disarm", model, "bernoulli", logits, objective, 3);
        EXPECT_GT(test::largest_z(thrown, wrong->mean, wrong->variance), 10);
      }
    }
    test::Function one;
    one.dim = 1;
    one.value = [](const Point& z) { return std::exp(z[0]) - 2.0 * z[0]; };
    one.gradient = [](const Point& z) { return Point{std::exp(z[0]) - 2.0}; };
    const test::FunctionModel single(one);
    for (const double temperature : {0.3, 1.5}) {
      for (const char* name : {"gumbel_softmax", "straight_through_gumbel"}) {
        Options o;
        o.temperature = temperature;
        const auto exact = truth(name, single, "bernoulli", Point{-0.9}, objective, 2, o);
        ASSERT_TRUE(exact) << name;
        EXPECT_LT(exact->error, 1e-11);
        const auto thrown =
            test::throw_dice(40000, ++seed, [&](Dice& dice) { return estimate(name, one, {-0.9}, objective, 2, temperature, dice); });
        EXPECT_LT(test::largest_z(thrown, exact->mean, exact->variance), 4.5) << name << " " << temperature;
      }
    }
  }
}

TEST(Bernoulli, BiasOfRelaxations) {
  // With y the relaxed bit, the mean is the integral of l'(y) p(tau logit(y) - phi) over (0, 1), p being the logistic density: for
  // (b - p0)^2 it is p(-phi) (1 - 2 p0) + tau p'(-phi) + O(tau^2), since the integral of 2 (y - p0) logit(y) is 1.
  const models::Univariate toy(models::Univariate::Function::square, 0.1);
  const double exact = bernoulli_gradient(toy, Point{0.5}, Objective::expectation)[0];
  const double s = sigmoid(0.5);
  double variance = 0;
  for (const double temperature : {0.1, 0.01, 0.001}) {
    Options o;
    o.temperature = temperature;
    const auto t = truth("gumbel_softmax", toy, "bernoulli", Point{0.5}, Objective::expectation, 1, o);
    EXPECT_NEAR(t->mean[0] - exact, temperature * s * (1.0 - s) * (2.0 * s - 1.0), 0.5 * temperature * temperature) << temperature;
    EXPECT_GT(t->variance[0], 3.0 * variance) << temperature;  // which grows like 1 / tau
    variance = t->variance[0];
  }
  // A linear function is what the straight-through estimator is right about.
  test::Function line;
  line.value = [](const Point& z) { return 3.0 * z[0]; };
  line.gradient = [](const Point&) { return Point{3.0}; };
  const test::FunctionModel straight(line);
  EXPECT_NEAR(truth("straight_through", straight, "bernoulli", Point{0.5}, Objective::expectation, 1)->mean[0],
              bernoulli_gradient(straight, Point{0.5}, Objective::expectation)[0], 1e-15);
}

TEST(Bernoulli, IsAbsentWhereItDoesNotExist) {
  const test::FunctionModel model(three_bits());
  const Point logits = {0.3, -0.8, 1.4};
  EXPECT_FALSE(truth("sf_loo", model, "bernoulli", logits, Objective::elbo, 1));
  EXPECT_FALSE(truth("pw_cfe", model, "bernoulli", logits, Objective::elbo, 1));
  EXPECT_FALSE(truth("gumbel_softmax", model, "bernoulli", logits, Objective::elbo, 1));
  EXPECT_FALSE(truth("arm", model, "bernoulli", logits, Objective::elbo, 0));
  EXPECT_THROW(truth("arm", model, "bernoulli", Point{0.1}, Objective::elbo, 1), std::invalid_argument);
}

/// Unbiased at every temperature, which no part of it is alone. Its variance is measured by the self-test.
TEST(Bernoulli, RebarHasTheExactGradientAsMean) {
  const models::BernoulliToy toy(1, 0.3);
  for (const double phi : {-2.1, 0.0, 0.4, 3.0}) {
    for (const double temperature : {0.1, 0.5, 2.0}) {
      for (const auto objective : {Objective::elbo, Objective::expectation}) {
        Options o;
        o.temperature = temperature;
        const auto t = truth("rebar", toy, "bernoulli", Point{phi}, objective, 2, o);
        ASSERT_TRUE(t.has_value());
        EXPECT_NEAR(t->mean[0], bernoulli_gradient(toy, Point{phi}, objective)[0], t->error + 1e-13) << phi << " " << temperature;
        EXPECT_GT(t->variance[0], 0);
      }
    }
  }
  EXPECT_FALSE(truth("rebar", models::BernoulliToy(2, 0.3), "bernoulli", Point{0.1, 0.2}, Objective::expectation, 1).has_value());
}

}  // namespace
}  // namespace variscope::oracles
