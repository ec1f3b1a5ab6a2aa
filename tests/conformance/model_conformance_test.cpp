/// What every catalogued model must do: true gradients, columns that ignore their neighbours, sums over rows, exact expectations.
#include <cmath>
#include <limits>

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

/// Prior, and likelihood over rows if there are any, as one function.
Batch density(const models::Model& model, const Batch& theta, models::Wanted wanted) {
  Batch sum = test::prior(model, theta, wanted);
  if (model.rows() == 0) return sum;
  models::Evaluation evaluation{wanted, sum.view(), {}};
  model.log_likelihood(test::range(0, model.rows()), theta.view(), evaluation);
  return sum;
}

void expect_same_column(const Batch& a, Index s, const Batch& b, Index t, const std::string& where) {
  ASSERT_EQ(a.dim(), b.dim());
  for (Index row = 0; row < a.dim(); ++row) {
    ASSERT_TRUE(same_bits(a(row, s), b(row, t))) << where << ", row " << row << ": " << a(row, s) << " and " << b(row, t);
  }
}

class ModelConformance : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] const Entry& entry() const { return test::configuration(GetParam()); }
  [[nodiscard]] bool takes_rows() const { return test::takes_rows(entry()); }
};

TEST_P(ModelConformance, IsDocumentedAndConsistent) {
  EXPECT_FALSE(entry().summary.empty());
  EXPECT_FALSE(entry().source.empty());
  for (const models::Parameter& parameter : entry().parameters) {
    EXPECT_FALSE(parameter.description.empty()) << parameter.name;
    EXPECT_TRUE(entry().smoke.numbers.contains(parameter.name)) << parameter.name;
  }
  for (const models::Word& word : entry().words) {
    EXPECT_FALSE(word.description.empty()) << word.name;
    EXPECT_TRUE(word.list ? entry().smoke.lists.contains(word.name) : entry().smoke.words.contains(word.name)) << word.name;
  }
  const Subject subject(entry());
  EXPECT_GE(subject.model->dim(), 1);
  EXPECT_EQ(static_cast<Index>(subject.model->parameter_names().size()), subject.model->dim());
  EXPECT_EQ(subject.model->rows(), takes_rows() ? kRows : 0);
  EXPECT_EQ(models::find("no_such_model"), nullptr);
}

TEST_P(ModelConformance, GradientIsTheDerivativeOfTheValue) {
  // Central differences with one Richardson step, error O(h^4). Tolerance: what the step changed, plus rounding 64 eps |f| / h.
  const Subject subject(entry());
  const Index dim = subject.model->dim();
  const Batch theta = test::random_batch(dim, 12, 1.0, 2);
  const Batch out = density(*subject.model, theta, test::kBoth);
  for (Index d = 0; d < dim; ++d) {
    const auto value_at = [&](double shift) {
      Batch moved = test::random_batch(dim, 12, 1.0, 2);
      for (Index s = 0; s < moved.count(); ++s) moved(d, s) += shift;
      return density(*subject.model, moved, test::kValue);
    };
    const double h = 0x1p-8;
    const Batch plus = value_at(h);
    const Batch minus = value_at(-h);
    const Batch plus_half = value_at(h / 2);
    const Batch minus_half = value_at(-h / 2);
    for (Index s = 0; s < theta.count(); ++s) {
      const double wide = (plus(0, s) - minus(0, s)) / (2 * h);
      const double narrow = (plus_half(0, s) - minus_half(0, s)) / h;
      const double tolerance = std::abs(narrow - wide) + 64 * 2.3e-16 * (std::abs(out(0, s)) + 1.0) / h;
      EXPECT_NEAR(out(1 + d, s), (4 * narrow - wide) / 3, tolerance) << "coordinate " << d << ", column " << s;
      EXPECT_LT(tolerance, 0.01 * (1.0 + std::abs(out(0, s))));  // the check says something
    }
  }
}

TEST_P(ModelConformance, AColumnIgnoresNeighboursLaneAndWidth) {
  // Widths cover one lane, a full block, ragged ends and several blocks; every column is met in many lanes. Padding lanes hold NaN.
  const Subject subject(entry());
  const Index total = 19;
  const Batch theta = test::random_batch(subject.model->dim(), total, 1.5, 3);
  for (const models::Wanted wanted : {test::kValue, test::kGradient, test::kBoth}) {
    std::vector<Batch> alone;
    for (Index s = 0; s < total; ++s) alone.push_back(density(*subject.model, test::columns(theta, {s}), wanted));
    for (const Index width : {2, 3, 4, 7, 8, 9, 16, 17, 19, 33}) {
      for (Index shift = 0; shift < total; shift += 3) {
        std::vector<Index> which;
        for (Index s = 0; s < width; ++s) which.push_back((s * 5 + shift) % total);
        const Batch together = density(*subject.model, test::columns(theta, which), wanted);
        for (Index s = 0; s < width; ++s) {
          expect_same_column(together, s, alone[static_cast<std::size_t>(which[static_cast<std::size_t>(s)])], 0,
                             "width " + std::to_string(width));
        }
      }
    }
  }
}

TEST_P(ModelConformance, ValueAloneAndGradientAloneAreTheSameBits) {
  const Subject subject(entry());
  const Batch theta = test::random_batch(subject.model->dim(), 13, 1.5, 4);
  const Batch both = density(*subject.model, theta, test::kBoth);
  const Batch value = density(*subject.model, theta, test::kValue);
  const Batch gradient = density(*subject.model, theta, test::kGradient);
  for (Index s = 0; s < theta.count(); ++s) {
    EXPECT_TRUE(same_bits(both(0, s), value(0, s))) << both(0, s) << " and " << value(0, s);
    EXPECT_EQ(gradient(0, s), 0.0);  // not asked for: left alone
    for (Index row = 1; row < both.dim(); ++row) EXPECT_TRUE(same_bits(both(row, s), gradient(row, s)));
  }
}

TEST_P(ModelConformance, AddsToWhatIsThereAndCountsItsWork) {
  const Subject subject(entry());
  const Batch theta = test::random_batch(subject.model->dim(), 13, 1.0, 5);
  const Batch fresh = test::prior(*subject.model, theta, test::kBoth);
  Batch twice = test::prior(*subject.model, theta, test::kBoth);
  models::Evaluation evaluation{test::kBoth, twice.view(), {}};
  subject.model->log_prior(theta.view(), evaluation);
  for (Index s = 0; s < 13; ++s) {
    for (Index row = 0; row < fresh.dim(); ++row) EXPECT_NEAR(twice(row, s), 2 * fresh(row, s), 1e-14 * (1 + std::abs(fresh(row, s))));
  }
  models::Counts counts;
  test::prior(*subject.model, theta, test::kValue, &counts);
  EXPECT_EQ(counts, (models::Counts{.value_evaluations = 13}));
  test::prior(*subject.model, theta, test::kBoth, &counts);
  EXPECT_EQ(counts, (models::Counts{.gradient_evaluations = 13}));
  if (!takes_rows()) return;
  test::likelihood(*subject.model, test::range(10, 50), theta, test::kValue, &counts);
  EXPECT_EQ(counts, (models::Counts{.value_rows = 13 * 40}));
  test::likelihood(*subject.model, test::range(10, 50), theta, test::kBoth, &counts);
  EXPECT_EQ(counts, (models::Counts{.gradient_rows = 13 * 40}));
}

TEST_P(ModelConformance, IsFiniteFarOut) {
  // A density may vanish far out, where a mean or a scale is the exponential of a coordinate: its logarithm may then be -infinity, but
  // nothing else (a sampler rejects such a point, and an optimiser sees that it is bad), only where the density is no number above zero
  // (log below that of the least double, -745), and with derivatives that are numbers, so that gradients lead back.
  constexpr double kLeast = -745.2;
  const Subject subject(entry());
  const Index dim = subject.model->dim();
  for (const double spread : {1e-8, 1.0, 100.0, 1000.0}) {
    const Batch theta = test::random_batch(dim, 16, spread, 6);
    const Batch out = density(*subject.model, theta, test::kBoth);
    for (Index s = 0; s < 16; ++s) {
      for (Index row = 1; row < out.dim(); ++row) EXPECT_TRUE(std::isfinite(out(row, s))) << "spread " << spread << ", row " << row;
      if (std::isfinite(out(0, s))) continue;
      EXPECT_EQ(out(0, s), -std::numeric_limits<double>::infinity());
      EXPECT_GT(spread, 1) << "vanishes where posteriors lie";
      // Where it begins to vanish on the way out from the origin, it is already below what a double holds.
      double near = 0;
      double far = 1;
      double last = 0;
      for (int halving = 0; halving < 50; ++halving) {
        Batch at(dim, 1);
        for (Index d = 0; d < dim; ++d) at(d, 0) = 0.5 * (near + far) * theta(d, s);
        const double value = density(*subject.model, at, test::kBoth)(0, 0);
        (std::isfinite(value) ? near : far) = 0.5 * (near + far);
        if (std::isfinite(value)) last = value;
      }
      EXPECT_LT(last, kLeast) << "spread " << spread;
    }
  }
}

TEST_P(ModelConformance, LikelihoodIsASumOverRows) {
  if (!takes_rows()) GTEST_SKIP() << "has no rows to divide";
  const Subject subject(entry());
  const models::Model& model = *subject.model;
  const Batch theta = test::random_batch(model.dim(), 11, 0.7, 7);
  std::vector<Batch> single;
  for (Index n = 0; n < kRows; ++n) single.push_back(test::likelihood(model, test::range(n, n + 1), theta, test::kBoth));
  const auto expect_sum = [&](const models::RowList& rows) {
    const Batch out = test::likelihood(model, rows, theta, test::kBoth);
    for (Index s = 0; s < theta.count(); ++s) {
      for (Index row = 0; row < out.dim(); ++row) {
        double sum = 0;
        double size = 0;
        for (Index k = 0; k < rows.size(); ++k) {
          sum += single[static_cast<std::size_t>(rows[k])](row, s);
          size += std::abs(single[static_cast<std::size_t>(rows[k])](row, s));
        }
        EXPECT_NEAR(out(row, s), sum, 1e-14 * (size + 1));
      }
    }
  };
  expect_sum(test::range(0, kRows));
  expect_sum(test::range(37, 120));
  expect_sum(test::range(5, 5));
  expect_sum(test::list({0, 0, 3, 17, 17, 17, 120, 299}));
  expect_sum(test::list({}));
  // A list that happens to be a range is that range, bit for bit.
  std::vector<Index> contiguous;
  for (Index n = 41; n < 151; ++n) contiguous.push_back(n);
  for (const models::Wanted wanted : {test::kValue, test::kBoth}) {
    const Batch by_list = test::likelihood(model, test::list(contiguous), theta, wanted);
    const Batch by_range = test::likelihood(model, test::range(41, 151), theta, wanted);
    for (Index s = 0; s < theta.count(); ++s) expect_same_column(by_list, s, by_range, s, "list against range");
  }
}

TEST_P(ModelConformance, AShardGivesTheSameBitsAsTheWholeTable) {
  if (!takes_rows()) GTEST_SKIP() << "has no rows to divide";
  const Subject whole(entry());
  const Subject shard(entry(), {90, 200});
  const Batch theta = test::random_batch(whole.model->dim(), 11, 0.7, 8);
  EXPECT_EQ(shard.model->rows(), kRows);
  const std::vector<Index> some = {91, 91, 130, 199};
  for (const models::RowList& rows : {test::range(90, 200), test::range(101, 133), test::list(some)}) {
    const Batch a = test::likelihood(*whole.model, rows, theta, test::kBoth);
    const Batch b = test::likelihood(*shard.model, rows, theta, test::kBoth);
    for (Index s = 0; s < theta.count(); ++s) expect_same_column(a, s, b, s, "shard");
  }
}

/// E_q of a density against `count` plain draws, within 5 standard errors: value by f, gradient by the pathwise terms.
/// A z-score passes 5 by chance with probability 6e-7; the catalogue needs fewer than 100 of them.
template <class Density>
void expect_monte_carlo_agrees(const models::Model& model, const std::vector<double>& mean, const std::vector<double>& scale,
                               const models::GaussianExpectation& exact, Density&& evaluate) {
  const Index count = 40000;
  const auto dim = static_cast<std::size_t>(model.dim());
  const Batch noise = test::random_batch(model.dim(), count, 1.0, 9);
  Batch theta = test::random_batch(model.dim(), count, 1.0, 9);
  for (Index s = 0; s < count; ++s) {
    for (Index d = 0; d < model.dim(); ++d)
      theta(d, s) = mean[static_cast<std::size_t>(d)] + scale[static_cast<std::size_t>(d)] * noise(d, s);
  }
  const Batch out = evaluate(theta);
  const auto check = [&](double claimed, double error, auto&& term) {
    double sum = 0;
    double squares = 0;
    const double shift = term(0);  // against cancellation
    for (Index s = 0; s < count; ++s) {
      sum += term(s) - shift;
      squares += (term(s) - shift) * (term(s) - shift);
    }
    const auto n = static_cast<double>(count);
    const double average = sum / n;
    const double standard_error = std::sqrt(std::max(0.0, squares / n - average * average) / n);
    EXPECT_NEAR(claimed, shift + average, 5 * standard_error + error + 1e-12);
    EXPECT_LT(error, 1e-8 * (1.0 + std::abs(claimed)));
  };
  check(exact.value, exact.value_error, [&](Index s) { return out(0, s); });
  for (std::size_t d = 0; d < dim; ++d) {
    const auto row = static_cast<Index>(d);
    check(exact.gradient[d], exact.error[d], [&](Index s) { return out(1 + row, s); });
    check(exact.gradient[dim + d], exact.error[dim + d], [&](Index s) { return out(1 + row, s) * scale[d] * noise(row, s); });
  }
}

TEST_P(ModelConformance, ExpectationsUnderGaussianQ) {
  const Subject subject(entry());
  const models::Model& model = *subject.model;
  if (!model.has_gaussian_expectation()) GTEST_SKIP() << "declares none";
  std::vector<double> mean;
  std::vector<double> scale;
  for (Index d = 0; d < model.dim(); ++d) {
    mean.push_back(0.3 - 0.2 * static_cast<double>(d));
    scale.push_back(0.5 + 0.1 * static_cast<double>(d));
  }
  models::GaussianExpectation prior = test::empty_expectation(model);
  model.expected_log_prior(mean.data(), scale.data(), prior);
  expect_monte_carlo_agrees(model, mean, scale, prior, [&](const Batch& theta) { return test::prior(model, theta, test::kBoth); });
  if (!takes_rows()) return;
  models::GaussianExpectation likelihood = test::empty_expectation(model);
  model.expected_log_likelihood({0, kRows}, mean.data(), scale.data(), likelihood);
  expect_monte_carlo_agrees(model, mean, scale, likelihood,
                            [&](const Batch& theta) { return test::likelihood(model, test::range(0, kRows), theta, test::kBoth); });
  // Two calls add up.
  models::GaussianExpectation parts = test::empty_expectation(model);
  model.expected_log_likelihood({0, 120}, mean.data(), scale.data(), parts);
  model.expected_log_likelihood({120, kRows}, mean.data(), scale.data(), parts);
  EXPECT_NEAR(parts.value, likelihood.value, 1e-12 * std::abs(likelihood.value) + parts.value_error);
  for (std::size_t p = 0; p < parts.gradient.size(); ++p) EXPECT_NEAR(parts.gradient[p], likelihood.gradient[p], 1e-11 + parts.error[p]);
}

INSTANTIATE_TEST_SUITE_P(Catalogue, ModelConformance, testing::ValuesIn(test::configuration_names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace variscope
