/// Hessian-vector products of every catalogued model: the derivative of the gradient, symmetric, linear, and the same bits anywhere.
#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "engine/models/catalogue.hpp"
#include "tests/conformance/model_subject.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

using models::Entry;
using models::Wanted;
using test::kRows;
using test::same_bits;
using test::Subject;
using tiles::Batch;

constexpr Wanted kProduct{false, false, true};
constexpr Wanted kAll{true, true, true};

/// Prior, and likelihood over rows if there are any, as one function.
Batch density(const models::Model& model, const Batch& theta, Wanted wanted, const Batch* direction = nullptr) {
  Batch sum = test::prior(model, theta, wanted, nullptr, direction);
  if (model.rows() == 0) return sum;
  models::Evaluation evaluation{wanted, sum.view(), {}};
  if (direction != nullptr) evaluation.direction = direction->view();
  model.log_likelihood(test::range(0, model.rows()), theta.view(), evaluation);
  return sum;
}

/// base + factor * direction, column by column.
Batch moved(const Batch& base, double factor, const Batch& direction) {
  Batch to(base.dim(), base.count());
  for (Index s = 0; s < base.count(); ++s) {
    for (Index d = 0; d < base.dim(); ++d) to(d, s) = base(d, s) + factor * direction(d, s);
  }
  return to;
}

/// a'b of columns s, b from row `first` on; and the sum of the absolute products.
struct Dot {
  double value = 0;
  double size = 0;
};
Dot dot(const Batch& a, const Batch& b, Index first, Index s) {
  Dot sum;
  for (Index d = 0; d < a.dim(); ++d) {
    sum.value += a(d, s) * b(first + d, s);
    sum.size += std::abs(a(d, s) * b(first + d, s));
  }
  return sum;
}

class ModelHessian : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!subject_.model->has_hessian_vector()) GTEST_SKIP() << "declares none";
  }
  [[nodiscard]] const models::Model& model() const { return *subject_.model; }
  [[nodiscard]] Index dim() const { return model().dim(); }
  [[nodiscard]] bool takes_rows() const { return test::takes_rows(entry_); }
  const Entry& entry_ = test::configuration(GetParam());
  Subject subject_{entry_};
};

TEST_P(ModelHessian, IsTheDerivativeOfTheGradient) {
  // Central differences along d with one Richardson step, error O(h^4). Tolerance: what the step changed, plus rounding: a gradient adds
  // up to 301 terms, no larger than `size` together, so 64 eps size / h. The broken twin, a product with another direction, must miss it.
  const Batch theta = test::random_batch(dim(), 12, 1.0, 2);
  const Batch direction = test::random_batch(dim(), 12, 1.0, 31);
  const Batch wrong = test::random_batch(dim(), 12, 1.0, 32);
  const Batch product = density(model(), theta, kProduct, &direction);
  const Batch broken = density(model(), theta, kProduct, &wrong);
  const double h = 0x1p-8;
  const auto gradient = [&](double step) { return density(model(), moved(theta, step, direction), test::kGradient); };
  const Batch plus = gradient(h);
  const Batch minus = gradient(-h);
  const Batch plus_half = gradient(h / 2);
  const Batch minus_half = gradient(-h / 2);
  for (Index s = 0; s < theta.count(); ++s) {
    bool caught = false;
    for (Index row = 1; row <= dim(); ++row) {
      const double wide = (plus(row, s) - minus(row, s)) / (2 * h);
      const double narrow = (plus_half(row, s) - minus_half(row, s)) / h;
      const double size = std::abs(plus(row, s)) + (takes_rows() ? static_cast<double>(kRows) : 1.0);
      const double tolerance = std::abs(narrow - wide) + 64 * 2.3e-16 * size / h;
      EXPECT_NEAR(product(row, s), (4 * narrow - wide) / 3, tolerance) << "row " << row << ", column " << s;
      EXPECT_LT(tolerance, 0.01 * (size + std::abs(product(row, s))));  // the check says something
      caught = caught || std::abs(broken(row, s) - (4 * narrow - wide) / 3) > tolerance;
    }
    EXPECT_TRUE(caught) << "column " << s;
  }
}

TEST_P(ModelHessian, IsSymmetricAndLinear) {
  // Rounding alone: 1e-13 of the sizes, 450 ulps of sums of 300 terms.
  const Batch theta = test::random_batch(dim(), 21, 1.0, 33);
  const Batch u = test::random_batch(dim(), 21, 1.0, 34);
  const Batch v = test::random_batch(dim(), 21, 1.0, 35);
  const Batch mixed = moved(u, -2.5, v);
  const Batch hu = density(model(), theta, kProduct, &u);
  const Batch hv = density(model(), theta, kProduct, &v);
  const Batch h_mixed = density(model(), theta, kProduct, &mixed);
  for (Index s = 0; s < theta.count(); ++s) {
    const Dot vhu = dot(v, hu, 1, s);
    const Dot uhv = dot(u, hv, 1, s);
    EXPECT_NEAR(vhu.value, uhv.value, 1e-13 * (vhu.size + uhv.size + 100 * dot(u, u, 0, s).size));
    for (Index row = 1; row <= dim(); ++row) {
      EXPECT_NEAR(h_mixed(row, s), hu(row, s) - 2.5 * hv(row, s),
                  1e-13 * (std::abs(hu(row, s)) + 2.5 * std::abs(hv(row, s)) + static_cast<double>(kRows)));
    }
  }
}

TEST_P(ModelHessian, TheSameBitsWhateverElseIsAskedFor) {
  for (const Index count : {1, 13}) {
    const Batch theta = test::random_batch(dim(), count, 1.5, 36);
    const Batch direction = test::random_batch(dim(), count, 1.0, 37);
    const Batch all = density(model(), theta, kAll, &direction);
    const Batch product = density(model(), theta, kProduct, &direction);
    const Batch with_value = density(model(), theta, {true, false, true}, &direction);
    const Batch with_gradient = density(model(), theta, {false, true, true}, &direction);
    const Batch without = density(model(), theta, test::kBoth);
    for (Index s = 0; s < count; ++s) {
      EXPECT_TRUE(same_bits(all(0, s), without(0, s)));
      EXPECT_TRUE(same_bits(all(0, s), with_value(0, s)));
      EXPECT_EQ(product(0, s), 0.0);  // not asked for: left alone
      EXPECT_EQ(with_gradient(0, s), 0.0);
      for (Index d = 0; d < dim(); ++d) {
        EXPECT_TRUE(same_bits(all(1 + d, s), without(1 + d, s)));
        EXPECT_TRUE(same_bits(all(1 + d, s), with_gradient(1 + d, s)));
        EXPECT_TRUE(same_bits(all(1 + dim() + d, s), product(1 + d, s)));
        EXPECT_TRUE(same_bits(all(1 + dim() + d, s), with_value(1 + d, s)));
        EXPECT_TRUE(same_bits(all(1 + dim() + d, s), with_gradient(1 + dim() + d, s)));
      }
    }
  }
}

TEST_P(ModelHessian, AColumnIgnoresNeighboursLaneAndWidth) {
  // As in model_conformance_test: padding lanes of theta and direction hold NaN.
  const Index total = 19;
  const Batch theta = test::random_batch(dim(), total, 1.5, 3);
  const Batch direction = test::random_batch(dim(), total, 1.0, 38);
  for (const Wanted wanted : {kProduct, kAll}) {
    std::vector<Batch> alone;
    for (Index s = 0; s < total; ++s) {
      const Batch along = test::columns(direction, {s});
      alone.push_back(density(model(), test::columns(theta, {s}), wanted, &along));
    }
    for (const Index width : {2, 7, 8, 9, 17, 33}) {
      for (Index shift = 0; shift < total; shift += 3) {
        std::vector<Index> which;
        for (Index s = 0; s < width; ++s) which.push_back((s * 5 + shift) % total);
        const Batch along = test::columns(direction, which);
        const Batch together = density(model(), test::columns(theta, which), wanted, &along);
        for (Index s = 0; s < width; ++s) {
          const Batch& expected = alone[static_cast<std::size_t>(which[static_cast<std::size_t>(s)])];
          for (Index row = 0; row < together.dim(); ++row) ASSERT_TRUE(same_bits(together(row, s), expected(row, 0))) << "width " << width;
        }
      }
    }
  }
}

TEST_P(ModelHessian, IsASumOverRowsAndOfShards) {
  if (!takes_rows()) GTEST_SKIP() << "has no rows to divide";
  const Subject shard(entry_, {90, 200});
  const Batch theta = test::random_batch(dim(), 11, 0.7, 7);
  const Batch direction = test::random_batch(dim(), 11, 1.0, 39);
  const auto product = [&](const models::Model& of, const models::RowList& rows) {
    return test::likelihood(of, rows, theta, kProduct, nullptr, &direction);
  };
  std::vector<Batch> single;
  for (Index n = 0; n < kRows; ++n) single.push_back(product(model(), test::range(n, n + 1)));
  const auto expect_sum = [&](const models::RowList& rows) {
    const Batch out = product(model(), rows);
    for (Index s = 0; s < theta.count(); ++s) {
      for (Index row = 1; row <= dim(); ++row) {
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
  const std::vector<Index> some = {91, 91, 130, 199};
  std::vector<Index> contiguous;
  for (Index n = 101; n < 199; ++n) contiguous.push_back(n);
  const std::vector<Index> backwards = {250, 17, 3, 3};
  for (const models::RowList& rows :
       {test::range(0, kRows), test::range(37, 120), test::range(5, 5), test::list(some), test::list(backwards)})
    expect_sum(rows);
  const auto expect_same = [&](const Batch& a, const Batch& b) {
    for (Index s = 0; s < theta.count(); ++s) {
      for (Index row = 0; row < a.dim(); ++row) ASSERT_TRUE(same_bits(a(row, s), b(row, s)));
    }
  };
  for (const models::RowList& rows : {test::range(90, 200), test::range(101, 133), test::list(some)})
    expect_same(product(model(), rows), product(*shard.model, rows));
  expect_same(product(model(), test::list(contiguous)), product(model(), test::range(101, 199)));
}

TEST_P(ModelHessian, AddsToWhatIsThereAndCountsItsWork) {
  const Batch theta = test::random_batch(dim(), 13, 1.0, 5);
  const Batch direction = test::random_batch(dim(), 13, 1.0, 40);
  models::Counts counts;
  for (const Wanted wanted : {kProduct, kAll}) {
    const Batch fresh = test::prior(model(), theta, wanted, &counts, &direction);
    EXPECT_EQ(counts, (models::Counts{.hessian_evaluations = 13}));
    Batch twice = test::prior(model(), theta, wanted, nullptr, &direction);
    models::Evaluation evaluation{wanted, twice.view(), {}, direction.view()};
    model().log_prior(theta.view(), evaluation);
    for (Index s = 0; s < 13; ++s) {
      for (Index row = 0; row < fresh.dim(); ++row) EXPECT_NEAR(twice(row, s), 2 * fresh(row, s), 1e-14 * (1 + std::abs(fresh(row, s))));
    }
    if (!takes_rows()) continue;
    test::likelihood(model(), test::range(10, 50), theta, wanted, &counts, &direction);
    EXPECT_EQ(counts, (models::Counts{.hessian_rows = 13 * 40}));
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, ModelHessian, testing::ValuesIn(test::configuration_names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace variscope
