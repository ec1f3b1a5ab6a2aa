/// Local reparameterisation of every catalogued model that offers it: against scalar formulas, exact expectations and exact variances.
#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "engine/models/catalogue.hpp"
#include "tests/conformance/model_subject.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

using models::Entry;
using test::kRows;
using test::same_bits;
using test::Subject;
using tiles::Batch;

constexpr models::Wanted kLocal{true, true, false, true};

std::vector<random::Stream> streams(Index count) {
  std::vector<random::Stream> all;
  for (Index s = 0; s < count; ++s) all.push_back({21, random::Purpose::testing, 50, 0, static_cast<std::uint32_t>(s)});
  return all;
}

struct Gaussian {
  std::vector<double> mean;
  std::vector<double> scale;
};
Gaussian gaussian(Index dim, double factor = 1.0) {
  Gaussian q;
  for (Index d = 0; d < dim; ++d) {
    q.mean.push_back(0.3 - 0.2 * static_cast<double>(d));
    q.scale.push_back(factor * (0.5 + 0.1 * static_cast<double>(d)));
  }
  return q;
}

Batch local(const models::Model& model, const models::RowList& rows, const Gaussian& q, const std::vector<random::Stream>& noise,
            models::Wanted wanted = kLocal, models::Counts* counts = nullptr) {
  Batch out(wanted.rows(model.dim()), static_cast<Index>(noise.size()));
  models::Evaluation evaluation{wanted, out.view(), {}};
  evaluation.streams = noise.data();
  model.local_gradient(rows, q.mean.data(), q.scale.data(), evaluation);
  if (counts != nullptr) *counts = evaluation.counts;
  return out;
}

/// log p(y | eta) and its derivative, written out. A model that is not here has no truth: the test fails.
struct Term {
  long double value;
  long double slope;
};
Term term(const Entry& entry, double y, long double eta) {
  if (entry.name == "logistic_regression") {
    const long double u = y > 0.5 ? eta : -eta;
    return {std::min(u, 0.0L) - std::log1p(std::exp(-std::fabs(u))), (y > 0.5 ? 1 : -1) / (1 + std::exp(u))};
  }
  if (entry.name == "linear_regression" || entry.name == "normal_mean") {
    const long double sd = entry.name == "normal_mean" ? 1.0L : entry.smoke.numbers.at("noise_sd").at(0);
    const long double z = (y - eta) / sd;
    return {-z * z / 2 - std::log(sd) - std::log(2 * std::acos(-1.0L)) / 2, z / sd};
  }
  ADD_FAILURE() << "write down the likelihood of " << entry.name;
  return {0, 0};
}

class ModelLocal : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!subject_.model->has_local_gradient()) GTEST_SKIP() << "has no linear predictor";
  }
  [[nodiscard]] const models::Model& model() const { return *subject_.model; }
  [[nodiscard]] Index dim() const { return model().dim(); }
  const Entry& entry_ = test::configuration(GetParam());
  Subject subject_{entry_};
};

TEST_P(ModelLocal, IsTheScalarFormulaAtTheSameNormals) {
  // 300 rows: 1e-13 of the sum of magnitudes is 450 ulps.
  const Gaussian q = gaussian(dim());
  const auto noise = streams(11);
  const std::vector<Index> some = {0, 3, 3, 4, 5, 118, 119, 120, 299};
  for (const models::RowList& rows : {test::range(0, kRows), test::range(37, 120), test::range(8, 8), test::list(some)}) {
    const Batch out = local(model(), rows, q, noise);
    for (Index s = 0; s < out.count(); ++s) {
      std::vector<long double> sum(static_cast<std::size_t>(out.dim()));
      std::vector<long double> size(static_cast<std::size_t>(out.dim()));
      const auto add = [&](Index row, long double x) {
        sum[static_cast<std::size_t>(row)] += x;
        size[static_cast<std::size_t>(row)] += std::fabs(x);
      };
      for (Index k = 0; k < rows.size(); ++k) {
        const double* x = subject_.table.row(rows[k]);
        long double center = 0;
        long double variance = 0;
        for (Index d = 0; d < dim(); ++d) {
          const auto i = static_cast<std::size_t>(d);
          center += static_cast<long double>(x[d]) * q.mean[i];
          variance += std::pow(static_cast<long double>(x[d]) * q.scale[i], 2);
        }
        const long double xi = random::normal(noise[static_cast<std::size_t>(s)], static_cast<std::uint32_t>(rows[k]));
        const long double sd = std::sqrt(variance);
        const Term t = term(entry_, subject_.table.response[static_cast<std::size_t>(rows[k])], center + sd * xi);
        add(0, t.value);
        for (Index d = 0; d < dim(); ++d) {
          const long double square = std::pow(static_cast<long double>(x[d]) * q.scale[static_cast<std::size_t>(d)], 2);
          add(1 + d, t.slope * x[d]);
          add(1 + dim() + d, t.slope * xi * square / sd);
        }
      }
      for (Index row = 0; row < out.dim(); ++row) {
        const auto i = static_cast<std::size_t>(row);
        EXPECT_NEAR(out(row, s), static_cast<double>(sum[i]), 1e-13 * (1 + static_cast<double>(size[i]))) << "row " << row;
      }
    }
  }
}

TEST_P(ModelLocal, IsUnbiased) {
  // 4000 draws within 5 standard errors of the exact expectation: 11 z-scores a model pass by chance but for 7e-6. A twin whose scale
  // part lacks the division by |x_n s| must fail.
  const Gaussian q = gaussian(dim());
  const Index count = 4000;
  const Batch out = local(model(), test::range(0, kRows), q, streams(count));
  models::GaussianExpectation exact = test::empty_expectation(model());
  model().expected_log_likelihood({0, kRows}, q.mean.data(), q.scale.data(), exact);
  const auto z_score = [&](Index row, double truth, double factor) {
    double mean = 0;
    double squares = 0;
    for (Index s = 0; s < count; ++s) mean += factor * out(row, s) / static_cast<double>(count);
    for (Index s = 0; s < count; ++s) squares += std::pow(factor * out(row, s) - mean, 2);
    return (mean - truth) / std::sqrt(squares) * static_cast<double>(count);
  };
  EXPECT_LT(std::abs(z_score(0, exact.value, 1)), 5);
  for (Index d = 0; d < 2 * dim(); ++d) EXPECT_LT(std::abs(z_score(1 + d, exact.gradient[static_cast<std::size_t>(d)], 1)), 5) << d;
  EXPECT_GT(std::abs(z_score(1 + dim(), exact.gradient[static_cast<std::size_t>(dim())], q.scale[0])), 5);
}

TEST_P(ModelLocal, AColumnIgnoresNeighboursLaneAndWidth) {
  const Gaussian q = gaussian(dim());
  const auto noise = streams(19);
  std::vector<Batch> alone;
  for (const random::Stream& stream : noise) alone.push_back(local(model(), test::range(0, kRows), q, {stream}));
  for (const Index width : {2, 7, 8, 9, 17, 33}) {
    for (std::size_t shift = 0; shift < noise.size(); shift += 3) {
      std::vector<random::Stream> some;
      for (Index s = 0; s < width; ++s) some.push_back(noise[(static_cast<std::size_t>(s) * 5 + shift) % noise.size()]);
      const Batch together = local(model(), test::range(0, kRows), q, some);
      for (Index s = 0; s < width; ++s) {
        const Batch& expected = alone[(static_cast<std::size_t>(s) * 5 + shift) % noise.size()];
        for (Index row = 0; row < together.dim(); ++row) ASSERT_TRUE(same_bits(together(row, s), expected(row, 0))) << "width " << width;
      }
    }
  }
}

TEST_P(ModelLocal, TheSameBitsFromAShardFromAListAndWithoutTheValue) {
  const Gaussian q = gaussian(dim());
  const auto noise = streams(11);
  const Subject shard(entry_, {90, 200});
  const auto expect_same = [&](const Batch& a, const Batch& b, Index first) {
    for (Index s = 0; s < a.count(); ++s) {
      for (Index row = first; row < a.dim(); ++row) ASSERT_TRUE(same_bits(a(row, s), b(row, s))) << row;
    }
  };
  const std::vector<Index> some = {91, 91, 130, 131, 199};
  for (const models::RowList& rows : {test::range(90, 200), test::range(101, 133), test::list(some)})
    expect_same(local(model(), rows, q, noise), local(*shard.model, rows, q, noise), 0);
  std::vector<Index> contiguous;
  for (Index n = 41; n < 151; ++n) contiguous.push_back(n);
  const Batch by_range = local(model(), test::range(41, 151), q, noise);
  expect_same(by_range, local(model(), test::list(contiguous), q, noise), 0);
  const Batch without = local(model(), test::range(41, 151), q, noise, {false, true, false, true});
  expect_same(by_range, without, 1);
  for (Index s = 0; s < without.count(); ++s) EXPECT_EQ(without(0, s), 0.0);
}

TEST_P(ModelLocal, AddsToWhatIsThereAndCountsItsWork) {
  const Gaussian q = gaussian(dim());
  const auto noise = streams(13);
  models::Counts counts;
  const Batch fresh = local(model(), test::range(10, 50), q, noise, kLocal, &counts);
  EXPECT_EQ(counts, (models::Counts{.gradient_rows = 13 * 40}));
  Batch twice = local(model(), test::range(10, 50), q, noise);
  models::Evaluation evaluation{kLocal, twice.view(), {}};
  evaluation.streams = noise.data();
  model().local_gradient(test::range(10, 50), q.mean.data(), q.scale.data(), evaluation);
  for (Index s = 0; s < 13; ++s) {
    for (Index row = 0; row < fresh.dim(); ++row) EXPECT_NEAR(twice(row, s), 2 * fresh(row, s), 1e-13 * (40 + std::abs(fresh(row, s))));
  }
}

TEST_P(ModelLocal, WithoutScaleItIsThePlainGradient) {
  const Gaussian q = gaussian(dim(), 0.0);
  const Batch out = local(model(), test::range(0, kRows), q, streams(9));
  Batch theta(dim(), 1);
  for (Index d = 0; d < dim(); ++d) theta(d, 0) = q.mean[static_cast<std::size_t>(d)];
  const Batch plain = test::likelihood(model(), test::range(0, kRows), theta, test::kBoth);
  for (Index s = 0; s < 9; ++s) {
    for (Index row = 0; row <= dim(); ++row) EXPECT_NEAR(out(row, s), plain(row, 0), 1e-12 * (1 + std::abs(plain(row, 0))));
    for (Index d = 0; d < dim(); ++d) EXPECT_EQ(out(1 + dim() + d, s), 0.0);
  }
}

double variance(const Batch& out, Index row) {
  double mean = 0;
  double squares = 0;
  for (Index s = 0; s < out.count(); ++s) mean += out(row, s) / static_cast<double>(out.count());
  for (Index s = 0; s < out.count(); ++s) squares += std::pow(out(row, s) - mean, 2);
  return squares / static_cast<double>(out.count() - 1);
}

/// What the plain pathwise gradient in the mean varies by: the gradient at m + s eps.
Batch pathwise(const models::Model& model, const Gaussian& q, Index count) {
  Batch theta = test::random_batch(model.dim(), count, 1.0, 51);
  for (Index s = 0; s < count; ++s) {
    for (Index d = 0; d < model.dim(); ++d)
      theta(d, s) = q.mean[static_cast<std::size_t>(d)] + q.scale[static_cast<std::size_t>(d)] * theta(d, s);
  }
  return test::likelihood(model, test::range(0, model.rows()), theta, test::kGradient);
}

TEST_P(ModelLocal, VariesLessThanThePathwiseGradientOnManyRows) {
  // Own noise per row: the Monte Carlo part falls with the rows (Kingma, Salimans, Welling 2015, NeurIPS). 300 rows and 5 columns leave a
  // wide margin.
  const Gaussian q = gaussian(dim());
  const Batch out = local(model(), test::range(0, kRows), q, streams(2000));
  const Batch plain = pathwise(model(), q, 2000);
  for (Index d = 0; d < dim(); ++d) EXPECT_LT(variance(out, 1 + d), 0.2 * variance(plain, 1 + d)) << d;
}

TEST(ModelLocalVariance, OfLinearRegressionIsTheClosedForm) {
  // r_n = (a_n - t_n xi_n) / sigma^2, a_n = y_n - x_n'm, t_n = |x_n s|, independent over rows. So
  //   Var g_m,d     = sum_n x_nd^2 t_n^2 / sigma^4,
  //   Var g_log s,d = sum_n (x_nd s_d)^4 / t_n^2 (a_n^2 + 2 t_n^2) / sigma^4,
  // against sum_j (X'X)_dj^2 s_j^2 / sigma^4 of the plain pathwise mean gradient. The gradients are (nearly) normal, so the variance of
  // 20000 draws has relative standard error 1.0 %; 5 of them pass by chance but for 6e-7 each, 15 of them here. The twin whose rows share
  // one xi has variance (sum_n x_nd t_n)^2 / sigma^4: far outside.
  const Entry& entry = *models::find("linear_regression");
  const Subject subject(entry);
  const models::Model& model = *subject.model;
  const Index dim = model.dim();
  const Gaussian q = gaussian(dim);
  const double sigma4 = std::pow(entry.smoke.numbers.at("noise_sd").at(0), 4);
  const Index count = 20000;
  const Batch out = local(model, test::range(0, kRows), q, streams(count));
  const Batch plain = pathwise(model, q, count);
  const double tolerance = 5 * std::sqrt(2.0 / static_cast<double>(count));
  for (Index d = 0; d < dim; ++d) {
    const auto i = static_cast<std::size_t>(d);
    double by_mean = 0;
    double by_scale = 0;
    double shared = 0;
    std::vector<double> products(static_cast<std::size_t>(dim));
    for (Index n = 0; n < kRows; ++n) {
      const double* x = subject.table.row(n);
      double a = subject.table.response[static_cast<std::size_t>(n)];
      double t2 = 0;
      for (Index j = 0; j < dim; ++j) {
        const auto k = static_cast<std::size_t>(j);
        a -= x[j] * q.mean[k];
        t2 += std::pow(x[j] * q.scale[k], 2);
        products[k] += x[d] * x[j];
      }
      by_mean += x[d] * x[d] * t2 / sigma4;
      by_scale += std::pow(x[d] * q.scale[i], 4) / t2 * (a * a + 2 * t2) / sigma4;
      shared += x[d] * std::sqrt(t2);
    }
    double of_plain = 0;
    for (std::size_t j = 0; j < products.size(); ++j) of_plain += std::pow(products[j] * q.scale[j], 2) / sigma4;
    EXPECT_NEAR(variance(out, 1 + d) / by_mean, 1, tolerance) << d;
    EXPECT_NEAR(variance(out, 1 + dim + d) / by_scale, 1, tolerance) << d;
    EXPECT_NEAR(variance(plain, 1 + d) / of_plain, 1, tolerance) << d;
    EXPECT_LT(by_mean, of_plain);
    EXPECT_GT(std::abs(shared * shared / sigma4 / by_mean - 1), tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, ModelLocal, testing::ValuesIn(test::configuration_names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace variscope
