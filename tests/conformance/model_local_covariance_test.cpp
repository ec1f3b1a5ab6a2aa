/// Local reparameterisation under a Gaussian with any covariance: against scalar formulas, exact expectations and exact variances.
#include <cmath>
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

constexpr models::Wanted kUnder{true, true, false, true, true};

std::vector<random::Stream> streams(Index count) {
  std::vector<random::Stream> all;
  for (Index s = 0; s < count; ++s) all.push_back({21, random::Purpose::testing, 52, 0, static_cast<std::uint32_t>(s)});
  return all;
}

/// Mean, and a covariance with correlations of either sign.
struct Q {
  explicit Q(Index size, double factor = 1.0) : dim(size), covariance(static_cast<std::size_t>(size * size)) {
    std::vector<double> root(covariance.size());
    for (Index i = 0; i < dim; ++i) {
      mean.push_back(0.3 - 0.2 * static_cast<double>(i));
      for (Index j = 0; j <= i; ++j)
        root[place(i, j)] = factor * (i == j ? 0.5 + 0.1 * static_cast<double>(i) : 0.3 - 0.2 * static_cast<double>(j));
    }
    for (Index i = 0; i < dim; ++i) {
      for (Index j = 0; j < dim; ++j) {
        for (Index k = 0; k < dim; ++k) covariance[place(i, j)] += root[place(i, k)] * root[place(j, k)];
      }
    }
  }
  /// The same without correlations.
  [[nodiscard]] Q diagonal() const {
    Q other = *this;
    for (Index i = 0; i < dim; ++i) {
      for (Index j = 0; j < dim; ++j) other.covariance[place(i, j)] = i == j ? covariance[place(i, i)] : 0.0;
    }
    return other;
  }
  [[nodiscard]] std::size_t place(Index i, Index j) const { return static_cast<std::size_t>(i * dim + j); }
  [[nodiscard]] double at(Index i, Index j) const { return covariance[place(i, j)]; }
  Index dim;
  std::vector<double> mean;
  std::vector<double> covariance;
};

/// Row of the output that holds the derivative in the covariance's entry (i, j), j <= i.
Index row_of(Index dim, Index i, Index j) { return 1 + dim + i * (i + 1) / 2 + j; }

Batch local(const models::Model& model, const models::RowList& rows, const Q& q, const std::vector<random::Stream>& noise,
            models::Wanted wanted = kUnder, models::Counts* counts = nullptr) {
  Batch out(wanted.rows(model.dim()), static_cast<Index>(noise.size()));
  models::Evaluation evaluation{wanted, out.view(), {}};
  evaluation.streams = noise.data();
  model.local_gradient_under(rows, q.mean.data(), q.covariance.data(), evaluation);
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

class ModelLocalCovariance : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!subject_.model->has_local_gradient()) GTEST_SKIP() << "has no linear predictor";
  }
  [[nodiscard]] const models::Model& model() const { return *subject_.model; }
  [[nodiscard]] Index dim() const { return model().dim(); }
  const Entry& entry_ = test::configuration(GetParam());
  Subject subject_{entry_};
};

TEST_P(ModelLocalCovariance, IsTheScalarFormulaAtTheSameNormals) {
  // 300 rows: 1e-13 of the sum of magnitudes is 450 ulps. x'Cx sums terms of either sign, some ten times its size.
  const Q q(dim());
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
        for (Index i = 0; i < dim(); ++i) {
          center += static_cast<long double>(x[i]) * q.mean[static_cast<std::size_t>(i)];
          for (Index j = 0; j < dim(); ++j) variance += static_cast<long double>(x[i]) * x[j] * q.at(i, j);
        }
        const long double xi = random::normal(noise[static_cast<std::size_t>(s)], static_cast<std::uint32_t>(rows[k]));
        const long double sd = std::sqrt(variance);
        const Term t = term(entry_, subject_.table.response[static_cast<std::size_t>(rows[k])], center + sd * xi);
        add(0, t.value);
        for (Index i = 0; i < dim(); ++i) {
          add(1 + i, t.slope * x[i]);
          for (Index j = 0; j <= i; ++j) add(row_of(dim(), i, j), t.slope * xi * x[i] * x[j] / (2 * sd));
        }
      }
      for (Index row = 0; row < out.dim(); ++row) {
        const auto i = static_cast<std::size_t>(row);
        EXPECT_NEAR(out(row, s), static_cast<double>(sum[i]), 1e-13 * (1 + static_cast<double>(size[i]))) << "row " << row;
      }
    }
  }
}

TEST_P(ModelLocalCovariance, WithoutCorrelationsItIsTheMeanFieldOne) {
  // d sd^2 / d log s_i = 2 s_i^2 d sd^2 / d C_ii, and both draw the same normals.
  const Q q = Q(dim()).diagonal();
  std::vector<double> scale;
  for (Index i = 0; i < dim(); ++i) scale.push_back(std::sqrt(q.at(i, i)));
  const auto noise = streams(9);
  const Batch under = local(model(), test::range(0, kRows), q, noise);
  constexpr models::Wanted kLocal{true, true, false, true};
  Batch plain(kLocal.rows(dim()), 9);
  models::Evaluation evaluation{kLocal, plain.view(), {}};
  evaluation.streams = noise.data();
  model().local_gradient(test::range(0, kRows), q.mean.data(), scale.data(), evaluation);
  for (Index s = 0; s < 9; ++s) {
    for (Index row = 0; row <= dim(); ++row) EXPECT_NEAR(under(row, s), plain(row, s), 1e-11 * (1 + std::abs(plain(row, s))));
    for (Index i = 0; i < dim(); ++i)
      EXPECT_NEAR(2 * q.at(i, i) * under(row_of(dim(), i, i), s), plain(1 + dim() + i, s), 1e-11 * (1 + std::abs(plain(1 + dim() + i, s))));
  }
}

TEST_P(ModelLocalCovariance, IsUnbiased) {
  // 4000 draws within 5 standard errors of the exact expectation: 21 z-scores a model pass by chance but for 1.2e-5. A twin that draws
  // its rows as if q had no correlations must fail where there are some.
  const Q q(dim());
  const Index count = 4000;
  models::GaussianExpectation exact = test::empty_covariance_expectation(model());
  model().expected_log_likelihood_under({0, kRows}, q.mean.data(), q.covariance.data(), exact);
  const auto largest = [&](const Q& drawn) {
    const Batch out = local(model(), test::range(0, kRows), drawn, streams(count));
    double most = 0;
    for (Index row = 0; row < out.dim(); ++row) {
      double truth = row == 0 ? exact.value : exact.gradient[static_cast<std::size_t>(row - 1)];
      for (Index i = 0; i < dim(); ++i) {
        for (Index j = 0; j <= i; ++j) {
          if (row == row_of(dim(), i, j)) truth = exact.gradient[static_cast<std::size_t>(dim()) + q.place(i, j)];
        }
      }
      double mean = 0;
      double squares = 0;
      for (Index s = 0; s < count; ++s) mean += out(row, s) / static_cast<double>(count);
      for (Index s = 0; s < count; ++s) squares += std::pow(out(row, s) - mean, 2);
      most = std::max(most, std::abs(mean - truth) / std::sqrt(squares) * static_cast<double>(count));
    }
    return most;
  };
  EXPECT_LT(largest(q), 5);
  if (dim() > 1) {
    EXPECT_GT(largest(q.diagonal()), 5);
  }
}

TEST_P(ModelLocalCovariance, AColumnIgnoresNeighboursLaneAndWidth) {
  const Q q(dim());
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

TEST_P(ModelLocalCovariance, TheSameBitsFromAShardFromAListAndWithoutTheValue) {
  const Q q(dim());
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
  const Batch whole = local(model(), test::range(41, 151), q, noise);
  const Batch without = local(model(), test::range(41, 151), q, noise, {false, true, false, true, true});
  expect_same(whole, without, 1);
  for (Index s = 0; s < without.count(); ++s) EXPECT_EQ(without(0, s), 0.0);
}

TEST_P(ModelLocalCovariance, AddsToWhatIsThereAndCountsItsProducts) {
  const Q q(dim());
  const auto noise = streams(13);
  models::Counts counts;
  const Batch fresh = local(model(), test::range(10, 50), q, noise, kUnder, &counts);
  // dim + dim (dim + 1) / 2 multiplications a row and column beside a value's dim: no less is counted, and at most half a value more.
  EXPECT_EQ(counts.gradient_rows, 13 * 40);
  const double values = 2.0 + static_cast<double>(counts.value_rows) / (13 * 40);
  const double taken = 1.0 + static_cast<double>(dim() + 1) / 2;
  EXPECT_GE(values, taken);
  EXPECT_LE(values, taken + 0.5);
  Batch twice = local(model(), test::range(10, 50), q, noise);
  models::Evaluation evaluation{kUnder, twice.view(), {}};
  evaluation.streams = noise.data();
  model().local_gradient_under(test::range(10, 50), q.mean.data(), q.covariance.data(), evaluation);
  for (Index s = 0; s < 13; ++s) {
    for (Index row = 0; row < fresh.dim(); ++row) EXPECT_NEAR(twice(row, s), 2 * fresh(row, s), 1e-13 * (40 + std::abs(fresh(row, s))));
  }
}

TEST_P(ModelLocalCovariance, WithoutSpreadItIsThePlainGradient) {
  const Q q(dim(), 0.0);
  const Batch out = local(model(), test::range(0, kRows), q, streams(9));
  Batch theta(dim(), 1);
  for (Index d = 0; d < dim(); ++d) theta(d, 0) = q.mean[static_cast<std::size_t>(d)];
  const Batch plain = test::likelihood(model(), test::range(0, kRows), theta, test::kBoth);
  for (Index s = 0; s < 9; ++s) {
    for (Index row = 0; row <= dim(); ++row) EXPECT_NEAR(out(row, s), plain(row, 0), 1e-12 * (1 + std::abs(plain(row, 0))));
    for (Index row = 1 + dim(); row < out.dim(); ++row) EXPECT_EQ(out(row, s), 0.0);
  }
}

TEST(ModelLocalCovarianceVariance, OfLinearRegressionIsTheClosedForm) {
  // r_n = (a_n - t_n xi_n) / sigma^2, a_n = y_n - x_n'm, t_n^2 = x_n'C x_n, independent over rows. So
  //   Var g_m,i  = sum_n x_ni^2 t_n^2 / sigma^4,
  //   Var g_C,ij = sum_n (x_ni x_nj / (2 t_n))^2 (a_n^2 + 2 t_n^2) / sigma^4.
  // The gradients are (nearly) normal, so the variance of 20000 draws has relative standard error 1.0 %; 5 of them pass by chance but for
  // 6e-7 each, 20 of them here. The twin whose rows share one xi has (sum_n x_ni t_n)^2 / sigma^4: far outside.
  const Entry& entry = *models::find("linear_regression");
  const Subject subject(entry);
  const models::Model& model = *subject.model;
  const Index dim = model.dim();
  const Q q(dim);
  const double sigma4 = std::pow(entry.smoke.numbers.at("noise_sd").at(0), 4);
  const Index count = 20000;
  const Batch out = local(model, test::range(0, kRows), q, streams(count));
  const double tolerance = 5 * std::sqrt(2.0 / static_cast<double>(count));
  const auto measured = [&](Index row) {
    double mean = 0;
    double squares = 0;
    for (Index s = 0; s < count; ++s) mean += out(row, s) / static_cast<double>(count);
    for (Index s = 0; s < count; ++s) squares += std::pow(out(row, s) - mean, 2);
    return squares / static_cast<double>(count - 1);
  };
  std::vector<double> truth(static_cast<std::size_t>(out.dim()));
  std::vector<double> shared(static_cast<std::size_t>(dim));
  for (Index n = 0; n < kRows; ++n) {
    const double* x = subject.table.row(n);
    double a = subject.table.response[static_cast<std::size_t>(n)];
    double t2 = 0;
    for (Index i = 0; i < dim; ++i) {
      a -= x[i] * q.mean[static_cast<std::size_t>(i)];
      for (Index j = 0; j < dim; ++j) t2 += x[i] * x[j] * q.at(i, j);
    }
    for (Index i = 0; i < dim; ++i) {
      truth[static_cast<std::size_t>(1 + i)] += x[i] * x[i] * t2 / sigma4;
      shared[static_cast<std::size_t>(i)] += x[i] * std::sqrt(t2);
      for (Index j = 0; j <= i; ++j)
        truth[static_cast<std::size_t>(row_of(dim, i, j))] += std::pow(x[i] * x[j], 2) / (4 * t2) * (a * a + 2 * t2) / sigma4;
    }
  }
  for (Index row = 1; row < out.dim(); ++row) EXPECT_NEAR(measured(row) / truth[static_cast<std::size_t>(row)], 1, tolerance) << row;
  for (std::size_t i = 0; i < shared.size(); ++i) EXPECT_GT(std::abs(shared[i] * shared[i] / sigma4 / truth[1 + i] - 1), tolerance) << i;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, ModelLocalCovariance, testing::ValuesIn(test::configuration_names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace variscope
