/// Neural network against a plain scalar network with backpropagation, a formula by hand, linear and logistic regression, and simulation.
#include "engine/models/neural_network.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <string>

#include "engine/error.hpp"
#include "engine/models/linear_regression.hpp"
#include "engine/models/logistic_regression.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::models {
namespace {

using dense::Activation;
using Likelihood = NetworkShape::Likelihood;
using Numbers = std::vector<long double>;

data::Table random_table(Index rows, Index columns, bool binary, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  data::Table table;
  table.rows = rows;
  table.held = {0, rows};
  for (Index d = 0; d < columns; ++d) table.columns.push_back("x" + std::to_string(d));
  for (Index i = 0; i < rows * columns; ++i) table.design.push_back(normal(engine));
  for (Index n = 0; n < rows; ++n) table.response.push_back(binary ? (normal(engine) > 0 ? 1.0 : 0.0) : 2 * normal(engine));
  return table;
}

long double f(Activation kind, long double z) {
  if (kind == Activation::relu) return z > 0 ? z : 0;
  if (kind == Activation::tanh) return std::tanh(z);
  return z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
}
long double slope(Activation kind, long double z) {
  if (kind == Activation::relu) return z > 0 ? 1 : 0;
  if (kind == Activation::tanh) return 1 - std::tanh(z) * std::tanh(z);
  return 1 / (1 + std::exp(-z));
}

/// Output, log likelihood and its gradient of one row, one scalar at a time; `sizes`: magnitudes that were summed.
struct Plain {
  long double output = 0;
  long double value = 0;
  Numbers gradient;
};
Plain plain_row(const NetworkShape& shape, const double* x, Index inputs, long double y, const Numbers& theta) {
  std::vector<std::size_t> widths = {static_cast<std::size_t>(inputs)};
  for (const Index units : shape.layers) widths.push_back(static_cast<std::size_t>(units));
  widths.push_back(1);
  std::vector<Numbers> h = {Numbers(x, x + inputs)};
  std::vector<Numbers> z = {{}};
  std::vector<std::size_t> begin;
  std::size_t at = 0;
  const std::size_t last = widths.size() - 1;
  for (std::size_t l = 1; l <= last; ++l) {
    begin.push_back(at);
    const std::size_t biases = at + widths[l] * widths[l - 1];
    Numbers in;
    Numbers out;
    for (std::size_t i = 0; i < widths[l]; ++i) {
      long double sum = theta[biases + i];
      for (std::size_t k = 0; k < widths[l - 1]; ++k) sum += theta[at + i * widths[l - 1] + k] * h[l - 1][k];
      in.push_back(sum);
      out.push_back(l == last ? sum : f(shape.activation, sum));
    }
    z.push_back(in);
    h.push_back(out);
    at = biases + widths[l];
  }
  Plain plain;
  plain.output = h[last][0];
  plain.gradient.assign(theta.size(), 0);
  long double residual = 0;
  if (shape.likelihood == Likelihood::gaussian) {
    const long double sd = shape.noise_prior_sd > 0 ? std::exp(theta.back()) : static_cast<long double>(shape.noise_sd);
    const long double e = (y - plain.output) / sd;
    plain.value = -e * e / 2 - std::log(sd) - std::log(2 * std::numbers::pi_v<long double>) / 2;
    residual = e / sd;
    if (shape.noise_prior_sd > 0) plain.gradient.back() = e * e - 1;
  } else {
    const long double u = y > 0.5L ? plain.output : -plain.output;
    plain.value = -std::log1p(std::exp(-u));
    residual = (y > 0.5L ? 1 : -1) / (1 + std::exp(u));
  }
  Numbers delta = {residual};
  for (std::size_t l = last; l >= 1; --l) {
    Numbers below(widths[l - 1]);
    for (std::size_t i = 0; i < widths[l]; ++i) {
      for (std::size_t k = 0; k < widths[l - 1]; ++k) {
        plain.gradient[begin[l - 1] + i * widths[l - 1] + k] = delta[i] * h[l - 1][k];
        below[k] += delta[i] * theta[begin[l - 1] + i * widths[l - 1] + k];
      }
      plain.gradient[begin[l - 1] + widths[l] * widths[l - 1] + i] = delta[i];
    }
    for (std::size_t k = 0; l > 1 && k < widths[l - 1]; ++k) below[k] *= slope(shape.activation, z[l - 1][k]);
    delta = below;
  }
  return plain;
}

Numbers column_of(const tiles::Batch& theta, Index s) {
  Numbers numbers;
  for (Index d = 0; d < theta.dim(); ++d) numbers.push_back(theta(d, s));
  return numbers;
}

NetworkShape shape_of(std::vector<Index> layers, Activation activation, Likelihood likelihood = Likelihood::gaussian,
                      double noise_prior = 0) {
  NetworkShape shape;
  shape.layers = std::move(layers);
  shape.activation = activation;
  shape.likelihood = likelihood;
  shape.noise_sd = 0.7;
  shape.noise_prior_sd = noise_prior;
  return shape;
}

// Every block size of the layers is met: 1 to 9 and 50 units, 1 to 5 inputs. Rounding: chains of at most 50 terms through at most 3
// layers, then 67 rows: 1e-12 of the summed sizes is 4500 ulps. The twin, whose first weight is off by 1e-6, must miss it.
TEST(NeuralNetwork, AgreesWithAPlainNetwork) {
  const Index rows = 67;
  const std::vector<std::vector<Index>> all_layers = {{}, {1}, {2}, {5}, {9}, {50}, {4, 3}, {6, 5, 7}};
  for (const std::vector<Index>& layers : all_layers) {
    for (const Activation activation : {Activation::relu, Activation::tanh, Activation::softplus}) {
      for (const int kind : {0, 1, 2}) {
        const Likelihood likelihood = kind == 2 ? Likelihood::bernoulli : Likelihood::gaussian;
        const NetworkShape shape = shape_of(layers, activation, likelihood, kind == 1 ? 0.8 : 0.0);
        const Index inputs = layers.size() == 1 ? 1 + static_cast<Index>(layers[0]) % 5 : 3;
        const data::Table table = random_table(rows, inputs, kind == 2, 1);
        const NeuralNetwork model(table, shape);
        const tiles::Batch theta = test::random_batch(model.dim(), 11, 0.6, 2);
        const tiles::Batch out = test::likelihood(model, test::range(0, rows), theta, test::kBoth);
        tiles::Batch each(rows, 11);
        model.row_log_likelihood(test::range(0, rows), theta.view(), each.view());
        tiles::Batch means(rows, 11);
        model.row_mean(test::range(0, rows), theta.view(), means.view());
        for (Index s = 0; s < 11; ++s) {
          const Numbers column = column_of(theta, s);
          Numbers wrong = column;
          wrong[0] += 1e-6L;
          Numbers sum(column.size() + 1);
          Numbers size(sum.size());
          long double broken = 0;
          for (Index n = 0; n < rows; ++n) {
            const long double y = table.response[static_cast<std::size_t>(n)];
            const Plain plain = plain_row(shape, table.row(n), inputs, y, column);
            sum[0] += plain.value;
            size[0] += std::fabs(plain.value) + 1;
            for (std::size_t d = 0; d < column.size(); ++d) {
              sum[1 + d] += plain.gradient[d];
              size[1 + d] += std::fabs(plain.gradient[d]) + 1;
            }
            broken += plain_row(shape, table.row(n), inputs, y, wrong).value;
            EXPECT_NEAR(each(n, s), static_cast<double>(plain.value), 1e-13 * (1 + std::fabs(each(n, s))));
            const long double mean = kind == 2 ? 1 / (1 + std::exp(-plain.output)) : plain.output;
            EXPECT_NEAR(means(n, s), static_cast<double>(mean), 1e-14 * (10 + std::fabs(means(n, s))));
          }
          for (std::size_t row = 0; row < sum.size(); ++row) {
            EXPECT_NEAR(out(static_cast<Index>(row), s), static_cast<double>(sum[row]), 1e-12 * static_cast<double>(size[row]))
                << "row " << row << " of " << layers.size() << " layers";
          }
          if (sum[1] == 0) continue;  // every first unit is off
          EXPECT_GT(std::fabs(out(0, s) - static_cast<double>(broken)), 1e-12 * static_cast<double>(size[0]));
        }
      }
    }
  }
}

// y ~ N(w2 tanh(w1 x + b1) + b2, 0.7^2) at one row, written by hand.
TEST(NeuralNetwork, OneHiddenUnitByHand) {
  data::Table table = random_table(1, 1, false, 3);
  table.design[0] = 0.5;
  table.response[0] = 1.25;
  const NeuralNetwork model(table, shape_of({1}, Activation::tanh));
  EXPECT_EQ(model.parameter_names(), (std::vector<std::string>{"w1[1,x0]", "b1[1]", "w2[1,1]", "b2[1]"}));
  tiles::Batch theta(4, 1);
  const double w1 = 0.8;
  const double b1 = -0.1;
  const double w2 = 1.5;
  const double b2 = 0.2;
  theta(0, 0) = w1;
  theta(1, 0) = b1;
  theta(2, 0) = w2;
  theta(3, 0) = b2;
  const tiles::Batch out = test::likelihood(model, test::range(0, 1), theta, test::kBoth);
  const double h = std::tanh(w1 * 0.5 + b1);
  const double residual = (1.25 - (w2 * h + b2)) / 0.49;
  EXPECT_NEAR(out(0, 0), -0.5 * residual * residual * 0.49 - std::log(0.7) - 0.5 * std::log(2 * std::numbers::pi), 1e-15);
  EXPECT_NEAR(out(1, 0), residual * w2 * (1 - h * h) * 0.5, 1e-15);
  EXPECT_NEAR(out(2, 0), residual * w2 * (1 - h * h), 1e-15);
  EXPECT_NEAR(out(3, 0), residual * h, 1e-15);
  EXPECT_NEAR(out(4, 0), residual, 1e-15);
}

// No hidden layer is a linear predictor: the regressions on the same columns and an intercept, last, as the bias is.
TEST(NeuralNetwork, WithoutHiddenLayersIsARegression) {
  for (const bool binary : {false, true}) {
    data::Table table = random_table(100, 4, binary, 4);
    table.columns[3] = "intercept";
    for (Index n = 0; n < 100; ++n) table.design[static_cast<std::size_t>(4 * n + 3)] = 1.0;
    NetworkShape shape = shape_of({}, Activation::relu, binary ? Likelihood::bernoulli : Likelihood::gaussian);
    shape.prior_sd = 1.4;
    const NeuralNetwork network(table, shape);
    std::unique_ptr<Model> regression;
    if (binary) regression = std::make_unique<LogisticRegression>(table, 0.0, 1.4);
    if (!binary) regression = std::make_unique<LinearRegression>(table, 0.7, 0.0, 1.4);
    ASSERT_EQ(network.dim(), 4);
    const tiles::Batch theta = test::random_batch(4, 21, 1.0, 5);
    const tiles::Batch a = test::likelihood(network, test::range(0, 100), theta, test::kBoth);
    const tiles::Batch b = test::likelihood(*regression, test::range(0, 100), theta, test::kBoth);
    const tiles::Batch prior_a = test::prior(network, theta, test::kBoth);
    const tiles::Batch prior_b = test::prior(*regression, theta, test::kBoth);
    for (Index s = 0; s < 21; ++s) {
      for (Index row = 0; row < 5; ++row) {
        EXPECT_NEAR(a(row, s), b(row, s), 1e-13 * (100 + std::fabs(b(row, s))));
        EXPECT_NEAR(prior_a(row, s), prior_b(row, s), 1e-14 * (1 + std::fabs(prior_b(row, s))));
      }
    }
    ASSERT_NE(network.gaussian_prior(), nullptr);
    EXPECT_EQ(network.gaussian_prior()->sd, std::vector<double>(4, 1.4));
  }
}

// An intercept before the inputs is left out just the same.
TEST(NeuralNetwork, LeavesTheInterceptOut) {
  const data::Table plain = random_table(50, 2, false, 6);
  data::Table first = plain;
  first.columns.insert(first.columns.begin(), "intercept");
  first.design.clear();
  for (Index n = 0; n < 50; ++n) {
    first.design.push_back(1.0);
    for (Index d = 0; d < 2; ++d) first.design.push_back(plain.row(n)[d]);
  }
  const NetworkShape shape = shape_of({3}, Activation::relu);
  const NeuralNetwork a(plain, shape);
  const NeuralNetwork b(first, shape);
  const tiles::Batch theta = test::random_batch(a.dim(), 3, 1.0, 7);
  const tiles::Batch x = test::likelihood(a, test::list({0, 7, 7, 49}), theta, test::kBoth);
  const tiles::Batch y = test::likelihood(b, test::list({0, 7, 7, 49}), theta, test::kBoth);
  for (Index s = 0; s < 3; ++s) {
    for (Index row = 0; row < x.dim(); ++row) EXPECT_TRUE(test::same_bits(x(row, s), y(row, s)));
  }
}

// z-scores of 12 weights' means and squares over 4000 draws, and of the noise: 26 past 5 with probability 2e-5.
TEST(NeuralNetwork, DrawsFromItsPrior) {
  const data::Table table = random_table(3, 2, false, 8);
  NetworkShape shape = shape_of({3}, Activation::tanh, Likelihood::gaussian, 0.8);
  shape.prior_sd = 1.5;
  shape.scale_by_fan_in = true;
  const NeuralNetwork model(table, shape);
  ASSERT_EQ(model.dim(), 14);
  const int draws = 4000;
  std::vector<double> sum(14);
  std::vector<double> squares(14);
  std::vector<double> theta(14);
  for (int r = 0; r < draws; ++r) {
    model.simulate_prior({9, random::Purpose::testing, 0, 0, static_cast<std::uint32_t>(r)}, theta);
    theta[13] = std::exp(theta[13]);
    for (std::size_t d = 0; d < 14; ++d) {
      sum[d] += theta[d];
      squares[d] += theta[d] * theta[d];
    }
  }
  for (std::size_t d = 0; d < 14; ++d) {
    const double fan_in = d < 6 ? 2 : d >= 9 && d < 12 ? 3 : 1;
    const double variance = d == 13 ? 0.64 : 2.25 / fan_in;
    EXPECT_LT(std::fabs(squares[d] / draws / variance - 1) / std::sqrt(2.0 / draws), 5) << d;
    const double mean = d == 13 ? 0.8 * std::sqrt(2 / std::numbers::pi) : 0;
    const double spread = d == 13 ? 0.8 * std::sqrt(1 - 2 / std::numbers::pi) : std::sqrt(variance);
    EXPECT_LT(std::fabs(sum[d] / draws - mean) / spread * std::sqrt(draws), 5) << d;
  }
}

// Mean and variance of 20000 responses about row_mean: 3 z-scores past 5 with probability 2e-6. A row's draw is its own.
TEST(NeuralNetwork, DrawsResponses) {
  for (const bool binary : {false, true}) {
    const data::Table table = random_table(20000, 2, binary, 10);
    const NeuralNetwork model(table, shape_of({3}, Activation::relu, binary ? Likelihood::bernoulli : Likelihood::gaussian));
    const tiles::Batch batch = test::random_batch(model.dim(), 1, 0.7, 11);
    std::vector<double> theta;
    for (Index d = 0; d < model.dim(); ++d) theta.push_back(batch(d, 0));
    const random::Stream stream{12, random::Purpose::response_draw, 0, 3, 0};
    std::vector<double> y(20000);
    model.simulate_responses(test::range(0, 20000), theta, stream, y);
    tiles::Batch mean(20000, 1);
    model.row_mean(test::range(0, 20000), batch.view(), mean.view());
    double score = 0;
    double information = 0;
    double squares = 0;
    for (Index n = 0; n < 20000; ++n) {
      const double p = mean(n, 0);
      const double e = y[static_cast<std::size_t>(n)] - p;
      score += e;
      information += binary ? p * (1 - p) : 0.49;
      squares += e * e / 0.49;
      EXPECT_TRUE(!binary || y[static_cast<std::size_t>(n)] == 0.0 || y[static_cast<std::size_t>(n)] == 1.0);
    }
    EXPECT_LT(std::fabs(score) / std::sqrt(information), 5);
    EXPECT_TRUE(binary || std::fabs(squares - 20000) / std::sqrt(40000.0) < 5) << squares;
    std::vector<double> some(3);
    model.simulate_responses(test::list({17, 4000, 19999}), theta, stream, some);
    EXPECT_EQ(some, (std::vector<double>{y[17], y[4000], y[19999]}));
  }
}

TEST(NeuralNetwork, ConstrainsTheNoise) {
  const data::Table table = random_table(3, 1, false, 13);
  const NeuralNetwork model(table, shape_of({2}, Activation::relu, Likelihood::gaussian, 0.8));
  EXPECT_EQ(model.gaussian_prior(), nullptr);
  EXPECT_EQ(model.constrained_dim(), 8);
  EXPECT_EQ(model.variables().back().name, "noise_sd");
  const tiles::Batch theta = test::random_batch(8, 9, 1.0, 14);
  tiles::Batch out(8, 9);
  model.constrain(theta.view(), out.view());
  std::vector<double> values;
  std::vector<double> back(8);
  for (Index d = 0; d < 8; ++d) values.push_back(out(d, 8));
  EXPECT_NEAR(values[7], std::exp(theta(7, 8)), 1e-15);
  model.unconstrain(values, back);
  for (Index d = 0; d < 8; ++d) EXPECT_NEAR(back[static_cast<std::size_t>(d)], theta(d, 8), 1e-15);
  values[7] = 0;
  EXPECT_THROW(model.unconstrain(values, back), UserError);
}

TEST(NeuralNetwork, RefusesWhatMakesNoSense) {
  const data::Table table = random_table(3, 1, false, 15);
  const auto refuses = [&](auto change) {
    NetworkShape shape = shape_of({2}, Activation::relu);
    change(shape);
    EXPECT_THROW(NeuralNetwork(table, shape), UserError);
  };
  refuses([](NetworkShape& s) { s.prior_sd = 0; });
  refuses([](NetworkShape& s) { s.noise_sd = -1; });
  refuses([](NetworkShape& s) { s.noise_prior_sd = -1; });
  refuses([](NetworkShape& s) { s.layers = {3, 0}; });
  refuses([](NetworkShape& s) {
    s.likelihood = Likelihood::bernoulli;
    s.noise_prior_sd = 1;
  });
  data::Table bare = table;
  bare.columns = {"intercept"};
  EXPECT_THROW(NeuralNetwork(bare, shape_of({2}, Activation::relu)), UserError);
}

}  // namespace
}  // namespace variscope::models
