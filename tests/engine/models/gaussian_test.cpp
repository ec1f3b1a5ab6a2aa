/// The dense Gaussian: kernel against the plain formula, expectations against long double, refusals.
#include "engine/models/gaussian.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "engine/simd/pack.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

/// A A^T / dim + I with normal A; mean normal.
models::Gaussian random_target(Index dim, std::uint32_t task) {
  const auto n = static_cast<std::size_t>(dim);
  const tiles::Batch a = test::random_batch(dim, dim, 1.0, task);
  std::vector<double> h(n * n);
  std::vector<double> mean(n);
  for (Index i = 0; i < dim; ++i) {
    for (Index j = 0; j <= i; ++j) {
      double sum = i == j ? 1.0 : 0.0;
      for (Index k = 0; k < dim; ++k) sum += a(i, k) * a(j, k) / static_cast<double>(dim);
      h[static_cast<std::size_t>(i * dim + j)] = h[static_cast<std::size_t>(j * dim + i)] = sum;
    }
    mean[static_cast<std::size_t>(i)] = a(i, 0) + 0.5;
  }
  return {h, mean};
}

TEST(Gaussian, MatchesThePlainFormulaInLongDouble) {
  // 15 and 31 use panels of 8, 4, 2 and 1 rows; 13 columns end in a half-filled pair of blocks.
  for (const Index dim : {1, 2, 3, 5, 8, 15, 16, 31, 70}) {
    const models::Gaussian target = random_target(dim, 1);
    const tiles::Batch z = test::random_batch(dim, 13, 2.0, 2);
    const tiles::Batch out = test::prior(target, z, test::kBoth);
    for (Index s = 0; s < z.count(); ++s) {
      long double value = 0;
      long double size = 0;
      for (Index i = 0; i < dim; ++i) {
        long double slope = 0;
        for (Index j = 0; j < dim; ++j) {
          slope += static_cast<long double>(target.precision()[static_cast<std::size_t>(i * dim + j)]) *
                   (z(j, s) - static_cast<long double>(target.mean()[static_cast<std::size_t>(j)]));
        }
        const long double share = 0.5L * slope * (z(i, s) - static_cast<long double>(target.mean()[static_cast<std::size_t>(i)]));
        value -= share;
        size += std::abs(share);
        EXPECT_NEAR(out(1 + i, s), static_cast<double>(-slope),
                    1e-13 * (1.0 + std::abs(static_cast<double>(slope))) * static_cast<double>(dim));
      }
      EXPECT_NEAR(out(0, s), static_cast<double>(value), 1e-14 * static_cast<double>(size) * static_cast<double>(dim + 2));
    }
  }
}

TEST(Gaussian, AColumnIsOneChainOfFmaInCoordinateOrder) {
  const Index dim = 13;
  const models::Gaussian target = random_target(dim, 3);
  const tiles::Batch z = test::random_batch(dim, 5, 1.0, 4);
  const tiles::Batch out = test::prior(target, z, test::kBoth);
  for (Index s = 0; s < z.count(); ++s) {
    double form = 0;
    for (Index i = 0; i < dim; ++i) {
      const auto centred = [&](Index j) { return z(j, s) - target.mean()[static_cast<std::size_t>(j)]; };
      const auto entry = [&](Index j) { return target.precision()[static_cast<std::size_t>(i * dim + j)]; };
      double sum = 0;
      for (Index j = 0; j < dim; ++j) {
        if (j == i) form = std::fma(centred(i), std::fma(entry(i), centred(i), sum + sum), form);
        sum = std::fma(entry(j), centred(j), sum);
      }
      EXPECT_EQ(out(1 + i, s), 0.0 - sum);
    }
    EXPECT_EQ(out(0, s), 0.0 - 0.5 * form);
  }
}

TEST(Gaussian, CountsLiveColumnsByWhatWasWanted) {
  const models::Gaussian target = random_target(3, 5);
  const tiles::Batch z = test::random_batch(3, 13, 1.0, 6);
  models::Counts counts;
  test::prior(target, z, test::kValue, &counts);
  EXPECT_EQ(counts, (models::Counts{.value_evaluations = 13}));
  test::prior(target, z, test::kBoth, &counts);
  EXPECT_EQ(counts, (models::Counts{.gradient_evaluations = 13}));
}

TEST(Gaussian, ExpectationIsWithinItsErrorBoundOfLongDouble) {
  for (const Index dim : {1, 3, 20}) {
    const auto n = static_cast<std::size_t>(dim);
    const models::Gaussian target = random_target(dim, 7);
    std::vector<double> mean(n);
    std::vector<double> scale(n);
    for (std::size_t i = 0; i < n; ++i) {
      mean[i] = target.mean()[i] + 0.3 * static_cast<double>(i) - 1.0;
      scale[i] = 0.1 + 0.2 * static_cast<double>(i);
    }
    models::GaussianExpectation out = test::empty_expectation(target);
    target.expected_log_prior(mean.data(), scale.data(), out);
    long double value = 0;
    for (std::size_t i = 0; i < n; ++i) {
      long double slope = 0;
      for (std::size_t j = 0; j < n; ++j) {
        slope += static_cast<long double>(target.precision()[i * n + j]) * (static_cast<long double>(mean[j]) - target.mean()[j]);
      }
      const long double spread = static_cast<long double>(target.precision()[i * n + i]) * scale[i] * scale[i];
      value -= 0.5L * (slope * (static_cast<long double>(mean[i]) - target.mean()[i]) + spread);
      EXPECT_LE(std::abs(static_cast<double>(out.gradient[i] + slope)), out.error[i]);
      EXPECT_LE(std::abs(static_cast<double>(out.gradient[n + i] + spread)), out.error[n + i]);
      EXPECT_LT(out.error[i], 1e-12 * (1.0 + std::abs(out.gradient[i])) * static_cast<double>(dim));
    }
    EXPECT_LE(std::abs(static_cast<double>(out.value - value)), out.value_error);
    EXPECT_LT(out.value_error, 1e-10);
  }
}

TEST(Gaussian, RefusesWhatIsNoPrecisionMatrix) {
  using models::Gaussian;
  EXPECT_THROW(Gaussian({}, {0.0}), UserError);
  EXPECT_THROW(Gaussian({1, 0, 0, 1, 2}, {0.0}), UserError);         // not square
  EXPECT_THROW(Gaussian({1, 0.5, 0.4, 1}, {0.0}), UserError);        // not symmetric
  EXPECT_THROW(Gaussian({1, 2, 2, 1}, {0.0}), UserError);            // eigenvalue -1
  EXPECT_THROW(Gaussian({1, 1, 1, 1}, {0.0}), UserError);            // eigenvalue 0
  EXPECT_THROW(Gaussian({1, 0, 0, 1}, {0.0, 1.0, 2.0}), UserError);  // mean of three
  EXPECT_THROW(Gaussian({1, 0, 0, NAN}, {0.0}), UserError);
  EXPECT_THROW(Gaussian({1, 0, 0, 1}, {INFINITY}), UserError);
  EXPECT_EQ(Gaussian({1, 0, 0, 1}, {2.0}).mean(), (std::vector<double>{2.0, 2.0}));  // one for all
}

}  // namespace
}  // namespace variscope
