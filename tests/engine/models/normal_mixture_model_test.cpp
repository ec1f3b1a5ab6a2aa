/// Normal mixture against a plain log-sum-exp, its prior against densities and a numerical Jacobian, labels, and draws.
#include "engine/models/normal_mixture_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "engine/error.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::models {
namespace {

data::Table table_of(Index rows) {
  data::Table table;
  table.rows = rows;
  table.held = {0, rows};
  table.columns = {"intercept"};
  table.design.assign(static_cast<std::size_t>(rows), 1.0);
  for (Index n = 0; n < rows; ++n) {
    const random::Stream stream{6, random::Purpose::testing, 0, 0, static_cast<std::uint32_t>(n)};
    table.response.push_back((n % 3 == 0 ? -1.5 : 1.0) + 0.6 * random::normal(stream, 0));
  }
  return table;
}

MixtureShape shape_of(Index components, bool ordered, double sd_prior_sd) {
  MixtureShape shape;
  shape.components = components;
  shape.ordered = ordered;
  shape.prior_mean = 0.2;
  shape.prior_sd = 1.7;
  shape.concentration = 1.6;
  shape.sd = 0.9;
  shape.sd_prior_sd = sd_prior_sd;
  return shape;
}

struct Values {
  std::vector<long double> mean, sd, weight;
};
/// Variables of column s, from constrain().
Values values_of(const MixtureShape& shape, const tiles::Batch& out, Index s) {
  Values values;
  const Index count = shape.components;
  const bool sds = shape.sd_prior_sd > 0;
  for (Index k = 0; k < count; ++k) {
    values.mean.push_back(out(k, s));
    values.sd.push_back(sds ? out(count + k, s) : shape.sd);
    values.weight.push_back(out((sds ? 2 : 1) * count + k, s));
  }
  return values;
}

long double log_normal(long double x, long double mean, long double sd) {
  return -(x - mean) * (x - mean) / (2 * sd * sd) - std::log(sd) - std::log(2 * std::numbers::pi_v<long double>) / 2;
}

long double log_density(const Values& values, double y) {
  long double sum = 0;
  for (std::size_t k = 0; k < values.mean.size(); ++k) sum += values.weight[k] * std::exp(log_normal(y, values.mean[k], values.sd[k]));
  return std::log(sum);
}

// By the variables alone, in long double; the gradient is the conformance tests' matter.
TEST(NormalMixtureModel, AgreesWithAPlainSum) {
  const Index rows = 30;
  const data::Table table = table_of(rows);
  for (const Index components : {1, 2, 3, 5}) {
    for (const bool ordered : {false, true}) {
      for (const double sd_prior : {0.0, 1.2}) {
        const MixtureShape shape = shape_of(components, ordered, sd_prior);
        const NormalMixtureModel model(table, shape);
        ASSERT_EQ(static_cast<Index>(model.parameter_names().size()), model.dim());
        const tiles::Batch theta = test::random_batch(model.dim(), 9, 0.8, 2);
        const tiles::Batch out = test::likelihood(model, test::range(0, rows), theta, test::kBoth);
        tiles::Batch variables(model.constrained_dim(), 9);
        model.constrain(theta.view(), variables.view());
        tiles::Batch each(rows, 9);
        model.row_log_likelihood(test::range(0, rows), theta.view(), each.view());
        tiles::Batch means(rows, 9);
        model.row_mean(test::range(0, rows), theta.view(), means.view());
        for (Index s = 0; s < 9; ++s) {
          const Values values = values_of(shape, variables, s);
          long double total = 0;
          long double weights = 0;
          long double mean = 0;
          for (std::size_t k = 0; k < values.mean.size(); ++k) {
            weights += values.weight[k];
            mean += values.weight[k] * values.mean[k];
            EXPECT_TRUE(!ordered || k == 0 || values.mean[k] > values.mean[k - 1]);
          }
          EXPECT_NEAR(static_cast<double>(weights), 1.0, 1e-14);
          for (Index n = 0; n < rows; ++n) {
            const long double plain = log_density(values, table.response[static_cast<std::size_t>(n)]);
            total += plain;
            EXPECT_NEAR(each(n, s), static_cast<double>(plain), 1e-13 * (10 + std::fabs(each(n, s))));
            EXPECT_NEAR(means(n, s), static_cast<double>(mean), 1e-14 * 10);
          }
          EXPECT_NEAR(out(0, s), static_cast<double>(total), 1e-12 * std::fabs(out(0, s)));
        }
      }
    }
  }
}

/// |det| by Gaussian elimination with pivots.
double log_determinant(std::vector<std::vector<double>> a) {
  double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c + 1; r < a.size(); ++r) {
      if (std::fabs(a[r][c]) > std::fabs(a[pivot][c])) pivot = r;
    }
    std::swap(a[c], a[pivot]);
    sum += std::log(std::fabs(a[c][c]));
    for (std::size_t r = c + 1; r < a.size(); ++r) {
      const double factor = a[r][c] / a[c][c];
      for (std::size_t k = c; k < a.size(); ++k) a[r][k] -= factor * a[c][k];
    }
  }
  return sum;
}

// log prior = log densities of the variables + log |det| of the map by central differences (one weight is redundant). Step 1e-3 with one
// Richardson step: error of the order of 1e-12 in the map; 1e-8 allowed. The twin without the Jacobian misses.
TEST(NormalMixtureModel, PriorIsThatOfTheVariables) {
  const data::Table table = table_of(3);
  for (const Index components : {2, 4}) {
    for (const bool ordered : {false, true}) {
      const MixtureShape shape = shape_of(components, ordered, 1.2);
      const NormalMixtureModel model(table, shape);
      const Index dim = model.dim();
      const tiles::Batch theta = test::random_batch(dim, 5, 0.8, 3);
      const tiles::Batch prior = test::prior(model, theta, test::kValue);
      const auto variables_at = [&](Index d, double shift) {
        tiles::Batch moved = test::random_batch(dim, 5, 0.8, 3);
        for (Index s = 0; s < 5; ++s) moved(d, s) += shift;
        tiles::Batch out(dim + 1, 5);
        model.constrain(moved.view(), out.view());
        return out;
      };
      std::vector<std::vector<std::vector<double>>> jacobian(
          5, std::vector<std::vector<double>>(static_cast<std::size_t>(dim), std::vector<double>(static_cast<std::size_t>(dim))));
      const double h = 1e-3;
      for (Index d = 0; d < dim; ++d) {
        const tiles::Batch a = variables_at(d, h);
        const tiles::Batch b = variables_at(d, -h);
        const tiles::Batch a2 = variables_at(d, h / 2);
        const tiles::Batch b2 = variables_at(d, -h / 2);
        for (Index s = 0; s < 5; ++s) {
          for (Index r = 0; r < dim; ++r)
            jacobian[static_cast<std::size_t>(s)][static_cast<std::size_t>(r)][static_cast<std::size_t>(d)] =
                (4 * (a2(r, s) - b2(r, s)) / h - (a(r, s) - b(r, s)) / (2 * h)) / 3;
        }
      }
      const tiles::Batch at = variables_at(0, 0.0);
      for (Index s = 0; s < 5; ++s) {
        const Values values = values_of(shape, at, s);
        const double a = shape.concentration;
        const auto k_all = static_cast<double>(components);
        long double sum = std::lgamma(k_all * a) - k_all * std::lgamma(a);
        for (std::size_t k = 0; k < values.mean.size(); ++k) {
          sum += (a - 1) * std::log(values.weight[k]) + log_normal(values.mean[k], shape.prior_mean, shape.prior_sd);
          sum += std::log(2.0L) + log_normal(values.sd[k], 0, shape.sd_prior_sd);
          if (ordered) sum += std::log(static_cast<long double>(k + 1));  // K! of them in any order
        }
        const double jacobian_term = log_determinant(jacobian[static_cast<std::size_t>(s)]);
        EXPECT_NEAR(prior(0, s), static_cast<double>(sum) + jacobian_term, 1e-8);
        EXPECT_GT(std::fabs(prior(0, s) - static_cast<double>(sum)), 1e-3);
      }
    }
  }
}

// Exchanging components changes nothing: not the likelihood, and not the prior with its Jacobian. Ordered, the density is K! times that.
TEST(NormalMixtureModel, LabelsDoNotMatter) {
  const data::Table table = table_of(30);
  const MixtureShape shape = shape_of(3, false, 1.2);
  const NormalMixtureModel model(table, shape);
  const NormalMixtureModel ordered(table, shape_of(3, true, 1.2));
  const tiles::Batch theta = test::random_batch(8, 1, 0.8, 4);
  tiles::Batch variables(9, 1);
  model.constrain(theta.view(), variables.view());
  std::vector<std::size_t> labels = {0, 1, 2};
  const auto density = [&](const NormalMixtureModel& of, const std::vector<std::size_t>& order, double* jacobian) {
    std::vector<double> values;
    for (Index part = 0; part < 3; ++part) {
      for (const std::size_t k : order) values.push_back(variables(3 * part + static_cast<Index>(k), 0));
    }
    std::vector<double> to(8);
    of.unconstrain(values, to);
    tiles::Batch moved(8, 1);
    for (Index d = 0; d < 8; ++d) moved(d, 0) = to[static_cast<std::size_t>(d)];
    tiles::Batch back(9, 1);
    of.constrain(moved.view(), back.view());
    for (Index d = 0; d < 9; ++d) EXPECT_NEAR(back(d, 0), values[static_cast<std::size_t>(d)], 1e-14 * (1 + std::fabs(back(d, 0))));
    if (jacobian != nullptr) *jacobian = to[1] + to[2];  // of the gaps
    return test::prior(of, moved, test::kValue)(0, 0) + test::likelihood(of, test::range(0, 30), moved, test::kValue)(0, 0);
  };
  const double first = density(model, labels, nullptr);
  while (std::next_permutation(labels.begin(), labels.end())) EXPECT_NEAR(density(model, labels, nullptr), first, 1e-12 * std::fabs(first));
  std::sort(labels.begin(), labels.end(),
            [&](std::size_t a, std::size_t b) { return variables(static_cast<Index>(a), 0) < variables(static_cast<Index>(b), 0); });
  double gaps = 0;
  const double sorted = density(ordered, labels, &gaps);
  EXPECT_NEAR(sorted, first + std::log(6.0) + gaps, 1e-12 * std::fabs(first));
}

// One component is a normal with its conjugate neighbours: value and slope by hand.
TEST(NormalMixtureModel, OneComponentIsANormal) {
  const data::Table table = table_of(4);
  const NormalMixtureModel model(table, shape_of(1, true, 0.0));
  ASSERT_EQ(model.dim(), 1);
  tiles::Batch theta(1, 1);
  theta(0, 0) = 0.3;
  const tiles::Batch out = test::likelihood(model, test::range(0, 4), theta, test::kBoth);
  double value = 0;
  double slope = 0;
  for (const double y : table.response) {
    value += static_cast<double>(log_normal(y, 0.3, 0.9));
    slope += (y - 0.3) / 0.81;
  }
  EXPECT_NEAR(out(0, 0), value, 1e-14 * 10);
  EXPECT_NEAR(out(1, 0), slope, 1e-14 * 10);
}

// 4000 draws of 3 components. Dirichlet(a): mean 1/3, variance (2/9) / (3 a + 1); means and sds by their squares; order statistics of 3
// normals: mean of the largest 3 / (2 sqrt(pi)). 11 z-scores past 5 with probability 1e-5.
TEST(NormalMixtureModel, DrawsFromItsPriorAndResponses) {
  const data::Table table = table_of(3);
  for (const bool ordered : {false, true}) {
    const MixtureShape shape = shape_of(3, ordered, 1.2);
    const NormalMixtureModel model(table, shape);
    const int draws = 4000;
    double weight[3] = {};
    double square[3] = {};
    double mean[3] = {};
    double mean_square = 0;
    double sd_square = 0;
    double score = 0;
    std::vector<double> theta(8);
    tiles::Batch column(8, 1);
    tiles::Batch out(9, 1);
    for (int r = 0; r < draws; ++r) {
      const auto number = static_cast<std::uint32_t>(r);
      model.simulate_prior({7, random::Purpose::prior_draw, 0, 0, number}, theta);
      for (Index d = 0; d < 8; ++d) column(d, 0) = theta[static_cast<std::size_t>(d)];
      model.constrain(column.view(), out.view());
      double centre = 0;
      double spread = 0;
      for (Index k = 0; k < 3; ++k) {
        const double w = out(6 + k, 0);
        weight[k] += w;
        square[k] += (w - 1.0 / 3) * (w - 1.0 / 3);
        mean[k] += (out(k, 0) - 0.2) / 1.7;
        mean_square += std::pow((out(k, 0) - 0.2) / 1.7, 2);
        sd_square += std::pow(out(3 + k, 0) / 1.2, 2);
        centre += w * out(k, 0);
        spread += w * (out(k, 0) * out(k, 0) + out(3 + k, 0) * out(3 + k, 0));
      }
      std::vector<double> y(3);
      model.simulate_responses(test::range(0, 3), theta, {7, random::Purpose::response_draw, 0, number, 0}, y);
      std::vector<double> one(1);
      model.simulate_responses(test::list({2}), theta, {7, random::Purpose::response_draw, 0, number, 0}, one);
      ASSERT_EQ(one[0], y[2]);
      score += (y[2] - centre) / std::sqrt(spread - centre * centre);
    }
    const double n = draws;
    const double variance = 2.0 / 9 / (3 * shape.concentration + 1);
    for (int k = 0; k < 3; ++k) {
      EXPECT_LT(std::fabs(weight[k] / n - 1.0 / 3) / std::sqrt(variance / n), 5) << k;
      // A share's excess kurtosis is below 1: the variance of its square is below 3 squared variances.
      EXPECT_LT(std::fabs(square[k] / n - variance) / (std::sqrt(3.0) * variance / std::sqrt(n)), 5) << k;
      const double place = ordered ? (k - 1) * 1.5 / std::sqrt(std::numbers::pi) : 0.0;
      EXPECT_LT(std::fabs(mean[k] / n - place) * std::sqrt(n), 5) << k;
    }
    EXPECT_LT(std::fabs(mean_square - 3 * n) / std::sqrt(6 * n), 5);
    EXPECT_LT(std::fabs(sd_square - 3 * n) / std::sqrt(6 * n), 5);
    EXPECT_LT(std::fabs(score) / std::sqrt(n), 5);
  }
}

TEST(NormalMixtureModel, RefusesWhatMakesNoSense) {
  const data::Table table = table_of(3);
  const auto refuses = [&](auto change) {
    MixtureShape shape = shape_of(2, true, 1.0);
    change(shape);
    EXPECT_THROW(NormalMixtureModel(table, shape), UserError);
  };
  refuses([](MixtureShape& s) { s.components = 0; });
  refuses([](MixtureShape& s) { s.components = 65; });
  refuses([](MixtureShape& s) { s.prior_sd = 0; });
  refuses([](MixtureShape& s) { s.concentration = -1; });
  refuses([](MixtureShape& s) { s.sd_prior_sd = -1; });
  refuses([](MixtureShape& s) {
    s.sd_prior_sd = 0;
    s.sd = 0;
  });
  const NormalMixtureModel model(table, shape_of(2, true, 1.0));
  std::vector<double> theta(5);
  EXPECT_NO_THROW(model.unconstrain(std::vector<double>{0, 1, 1, 1, 0.5, 0.5}, theta));
  EXPECT_THROW(model.unconstrain(std::vector<double>{1, 0, 1, 1, 0.5, 0.5}, theta), UserError);
  EXPECT_THROW(model.unconstrain(std::vector<double>{0, 1, -1, 1, 0.5, 0.5}, theta), UserError);
  EXPECT_THROW(model.unconstrain(std::vector<double>{0, 1, 1, 1, 0.5, 0.6}, theta), UserError);
  EXPECT_THROW(model.unconstrain(std::vector<double>{0, 1, 1, 1, 1.5, -0.5}, theta), UserError);
}

}  // namespace
}  // namespace variscope::models
