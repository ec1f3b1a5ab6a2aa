/// Expectations under a Gaussian with any covariance, of every catalogued model that offers them.
#include <algorithm>
#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "engine/models/catalogue.hpp"
#include "tests/conformance/model_subject.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

using models::Entry;
using models::GaussianExpectation;
using test::kRows;
using test::Subject;
using tiles::Batch;

/// Mean, a lower triangular factor, and the covariance L L^T row by row.
struct Q {
  explicit Q(Index size) : dim(size), mean(count(size)), factor(count(size * size)), covariance(count(size * size)) {
    for (Index i = 0; i < dim; ++i) {
      mean[count(i)] = 0.3 - 0.2 * static_cast<double>(i);
      for (Index j = 0; j <= i; ++j)
        at(factor, i, j) =
            i == j ? 0.5 + 0.1 * static_cast<double>(i) : 0.3 - 0.15 * static_cast<double>(j) + 0.05 * static_cast<double>(i);
    }
    for (Index i = 0; i < dim; ++i) {
      for (Index j = 0; j < dim; ++j) {
        for (Index k = 0; k < dim; ++k) at(covariance, i, j) += at(factor, i, k) * at(factor, j, k);
      }
    }
  }
  static std::size_t count(Index n) { return static_cast<std::size_t>(n); }
  double& at(std::vector<double>& matrix, Index i, Index j) const { return matrix[count(i * dim + j)]; }
  Index dim;
  std::vector<double> mean;
  std::vector<double> factor;
  std::vector<double> covariance;
};

GaussianExpectation exact(const Subject& subject, const Q& q) {
  GaussianExpectation sum = test::empty_covariance_expectation(*subject.model);
  subject.model->expected_log_prior_under(q.mean.data(), q.covariance.data(), sum);
  if (subject.model->rows() > 0) subject.model->expected_log_likelihood_under({0, kRows}, q.mean.data(), q.covariance.data(), sum);
  return sum;
}

class ModelCovariance : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!subject_.model->has_covariance_expectation()) GTEST_SKIP() << "declares none";
  }
  [[nodiscard]] const models::Model& model() const { return *subject_.model; }
  const Entry& entry_ = test::configuration(GetParam());
  Subject subject_{entry_};
};

TEST_P(ModelCovariance, AgreesWithMonteCarlo) {
  // 100000 draws z = m + L eps: the value, the gradient (Bonnet), and half of Hessian times unit vectors (Price). 5 standard errors; fewer
  // than 150 z-scores in the catalogue, each past 5 by chance with probability 6e-7. A twin must fail.
  const Index dim = model().dim();
  Q q(dim);
  const Index count = 100000;
  const Batch noise = test::random_batch(dim, count, 1.0, 60);
  Batch theta(dim, count);
  for (Index s = 0; s < count; ++s) {
    for (Index i = 0; i < dim; ++i) {
      theta(i, s) = q.mean[Q::count(i)];
      for (Index j = 0; j <= i; ++j) theta(i, s) += q.at(q.factor, i, j) * noise(j, s);
    }
  }
  const auto evaluate = [&](models::Wanted wanted, const Batch* direction) {
    Batch out = test::prior(model(), theta, wanted, nullptr, direction);
    if (model().rows() == 0) return out;
    models::Evaluation evaluation{wanted, out.view(), {}};
    if (direction != nullptr) evaluation.direction = direction->view();
    model().log_likelihood(test::range(0, kRows), theta.view(), evaluation);
    return out;
  };
  const auto gap = [&](const Batch& out, Index row, double factor, double claimed) {  // in standard errors, beyond rounding
    double sum = 0;
    double squares = 0;
    const double shift = out(row, 0);
    for (Index s = 0; s < count; ++s) {
      sum += out(row, s) - shift;
      squares += std::pow(out(row, s) - shift, 2);
    }
    const auto n = static_cast<double>(count);
    const double standard_error = std::sqrt(std::max(0.0, squares / n - sum / n * sum / n) / n);
    const double difference = std::abs(factor * (shift + sum / n) - claimed);
    return std::max(0.0, difference - 1e-11 * (1 + std::abs(claimed))) / (factor * standard_error + 1e-300);
  };
  const GaussianExpectation claimed = exact(subject_, q);
  const Batch plain = evaluate(test::kBoth, nullptr);
  EXPECT_LT(gap(plain, 0, 1, claimed.value), 5);
  EXPECT_LT(claimed.value_error, 1e-8 * (1 + std::abs(claimed.value)));
  for (Index d = 0; d < dim; ++d) EXPECT_LT(gap(plain, 1 + d, 1, claimed.gradient[Q::count(d)]), 5) << d;
  for (std::size_t p = 0; p < claimed.error.size(); ++p) EXPECT_LT(claimed.error[p], 1e-8 * (1 + std::abs(claimed.gradient[p])));
  for (Index j = 0; j < dim; ++j) {
    Batch unit(dim, count);
    for (Index s = 0; s < count; ++s) unit(j, s) = 1;
    const Batch column = evaluate({false, false, true}, &unit);
    for (Index i = 0; i < dim; ++i) EXPECT_LT(gap(column, 1 + i, 0.5, claimed.gradient[Q::count(dim + i * dim + j)]), 5) << i << ", " << j;
  }
  // The twin: the factor, made symmetric, where the covariance belongs. What it gets wrong is the spread, so it is for the value to find
  // it, E l growing by half the Hessian times the covariance. Means are right, so that gradients of quadratic models see nothing.
  Q wrong = q;
  wrong.covariance = q.factor;
  for (Index i = 0; i < dim; ++i) {
    for (Index j = i + 1; j < dim; ++j) wrong.at(wrong.covariance, i, j) = wrong.at(wrong.covariance, j, i);
  }
  const GaussianExpectation broken = exact(subject_, wrong);
  EXPECT_GT(gap(plain, 0, 1, broken.value), 5);
}

TEST_P(ModelCovariance, OffDiagonalEntriesAreFelt) {
  // A twin that reads the diagonal alone must fail for what it leaves out: to first order the sum over i != j of gradient(i, j) times the
  // covariance, which is also what tells whether this model can tell.
  const Index dim = model().dim();
  const Q q(dim);
  Q diagonal(dim);
  for (Index i = 0; i < dim; ++i) {
    for (Index j = 0; j < dim; ++j) diagonal.at(diagonal.covariance, i, j) *= i == j ? 1 : 0;
  }
  const GaussianExpectation whole = exact(subject_, q);
  const GaussianExpectation without = exact(subject_, diagonal);
  // Along the line between the two, by Simpson's rule on the derivative that the gradient claims.
  Q half(dim);
  for (std::size_t k = 0; k < half.covariance.size(); ++k) half.covariance[k] = 0.5 * (q.covariance[k] + diagonal.covariance[k]);
  const GaussianExpectation between = exact(subject_, half);
  double claimed = 0;
  double largest = 0;
  double size = 0;
  for (Index i = 0; i < dim; ++i) {
    for (Index j = 0; j < dim; ++j) {
      if (i == j) continue;
      const auto at = Q::count(dim + i * dim + j);
      const double step = q.covariance[Q::count(i * dim + j)];
      claimed += step * (without.gradient[at] + 4 * between.gradient[at] + whole.gradient[at]) / 6;
      size += std::abs(step * whole.gradient[at]);
      largest = std::max(largest, std::abs(step * (without.gradient[at] - 2 * between.gradient[at] + whole.gradient[at])));
    }
  }
  const double rounding = whole.value_error + without.value_error + 1e-12 * (1 + std::abs(whole.value));
  // Simpson's error is a small part of the second difference.
  EXPECT_NEAR(whole.value - without.value, claimed, 0.05 * largest * static_cast<double>(dim) + rounding);
  if (size > 1e-9 * (1 + std::abs(whole.value))) {
    EXPECT_GT(std::abs(whole.value - without.value), 10 * rounding);
  }
}

TEST_P(ModelCovariance, OfADiagonalIsTheMeanFieldExpectation) {
  const Index dim = model().dim();
  Q q(dim);
  std::vector<double> scale;
  for (Index i = 0; i < dim; ++i) {
    for (Index j = 0; j < dim; ++j) q.at(q.covariance, i, j) = i == j ? q.at(q.factor, i, i) * q.at(q.factor, i, i) : 0.0;
    scale.push_back(q.at(q.factor, i, i));
  }
  const GaussianExpectation full = exact(subject_, q);
  GaussianExpectation diagonal = test::empty_expectation(model());
  model().expected_log_prior(q.mean.data(), scale.data(), diagonal);
  if (model().rows() > 0) model().expected_log_likelihood({0, kRows}, q.mean.data(), scale.data(), diagonal);
  EXPECT_NEAR(full.value, diagonal.value, full.value_error + diagonal.value_error + 1e-13 * std::abs(diagonal.value));
  for (Index d = 0; d < dim; ++d) {
    const auto i = Q::count(d);
    const auto k = Q::count(dim + d);
    const auto square = Q::count(dim + d * dim + d);
    EXPECT_NEAR(full.gradient[i], diagonal.gradient[i], full.error[i] + diagonal.error[i]);
    EXPECT_NEAR(2 * scale[i] * scale[i] * full.gradient[square], diagonal.gradient[k],
                2 * scale[i] * scale[i] * full.error[square] + diagonal.error[k] + 1e-14 * std::abs(diagonal.gradient[k]));
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, ModelCovariance, testing::ValuesIn(test::configuration_names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace variscope
