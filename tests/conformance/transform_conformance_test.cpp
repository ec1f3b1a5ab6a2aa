/// What every catalogued transform must do: |J| and its gradient true, chain rule true, round trips, columns that ignore their neighbours.
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <Eigen/Dense>

#include "engine/transforms/catalogue.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

using test::same_bits;
using tiles::Batch;
using transforms::Arguments;
using transforms::Entry;
using transforms::Transform;

constexpr double kEpsilon = 2.3e-16;

std::vector<Index> free_values(const Entry& entry, const Arguments& arguments, const Transform& transform) {
  if (entry.free_values) return entry.free_values(arguments);
  std::vector<Index> all;
  for (Index j = 0; j < transform.values(); ++j) all.push_back(j);
  return all;
}

Batch constrain(const Transform& transform, const Batch& u) {
  Batch x(transform.values(), u.count());
  transform.constrain(u.view(), 0, x.view(), 0);
  return x;
}

/// Row 0 log |det J|, then its gradient.
Batch log_jacobian(const Transform& transform, const Batch& u) {
  Batch out(1 + transform.size(), u.count());
  transform.add_log_jacobian(u.view(), 0, out.view(), true, true, 1);
  return out;
}

/// A central difference with one Richardson step, and how far it can be trusted.
struct Difference {
  double value = 0;
  double error = 0;
};
/// at(shift) is the function; `size` bounds its rounding in units of epsilon.
template <class F>
Difference differentiate(F&& at, double size) {
  const double h = 0x1p-7;
  const double wide = (at(h) - at(-h)) / (2 * h);
  const double narrow = (at(h / 2) - at(-h / 2)) / h;
  return {(4 * narrow - wide) / 3, 0.02 * std::abs(narrow - wide) + 64 * kEpsilon * size / h};
}

/// `u` (one column) with coordinate j moved.
Batch shifted(const Batch& u, Index j, double shift) {
  Batch moved = test::columns(u, {0});
  moved(j, 0) += shift;
  return moved;
}

/// values() x size(): d x / d u at the one column u, with each entry's error bound in `error`.
Eigen::MatrixXd numerical_jacobian(const Transform& transform, const Batch& u, double& error) {
  Eigen::MatrixXd jacobian(transform.values(), transform.size());
  error = 0;
  for (Index j = 0; j < transform.size(); ++j) {
    for (Index i = 0; i < transform.values(); ++i) {
      const Difference d = differentiate([&](double shift) { return constrain(transform, shifted(u, j, shift))(i, 0); },
                                         std::abs(constrain(transform, u)(i, 0)) + 1e-3);
      jacobian(i, j) = d.value;
      error = std::max(error, d.error);
    }
  }
  return jacobian;
}

class TransformConformance : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] const Entry& entry() const { return *transforms::find(GetParam()); }
};

TEST_P(TransformConformance, IsDocumentedAndConsistent) {
  EXPECT_FALSE(entry().summary.empty());
  EXPECT_FALSE(entry().source.empty());
  EXPECT_FALSE(entry().size.empty());
  EXPECT_GE(entry().smoke.size(), 2U);
  for (const transforms::Parameter& parameter : entry().parameters) EXPECT_FALSE(parameter.description.empty()) << parameter.name;
  for (const Arguments& arguments : entry().smoke) {
    EXPECT_EQ(arguments.numbers.size(), entry().parameters.size());
    for (const transforms::Parameter& parameter : entry().parameters) EXPECT_TRUE(arguments.numbers.contains(parameter.name));
    const auto transform = entry().make(arguments);
    EXPECT_GE(transform->size(), 1);
    EXPECT_GE(transform->values(), transform->size());
    EXPECT_EQ(static_cast<Index>(free_values(entry(), arguments, *transform).size()), transform->size());
  }
  EXPECT_EQ(transforms::find("no_such_transform"), nullptr);
}

TEST_P(TransformConformance, LogJacobianIsThatOfTheMap) {
  // log |det| by Eigen's LU of differences, error O(h^4) each. A determinant's logarithm moves by trace(J^-1 dJ): at most the entries'
  // error times the sum of |J^-1|. The broken twin is log |det J| at u + 1/4, which must miss it (the identity's has no place to miss).
  for (const Arguments& arguments : entry().smoke) {
    const auto transform = entry().make(arguments);
    const Batch all = test::random_batch(transform->size(), 12, 1.2, 50);
    int caught = 0;
    for (Index s = 0; s < all.count(); ++s) {
      const Batch u = test::columns(all, {s});
      double error = 0;
      const Eigen::MatrixXd whole = numerical_jacobian(*transform, u, error);
      Eigen::MatrixXd square(transform->size(), transform->size());
      Index row = 0;
      for (const Index i : free_values(entry(), arguments, *transform)) square.row(row++) = whole.row(i);
      const Eigen::PartialPivLU<Eigen::MatrixXd> lu(square);
      const double numerical = lu.matrixLU().diagonal().array().abs().log().sum();
      const double tolerance = 1.1 * error * lu.inverse().cwiseAbs().sum() + 1e-13;
      EXPECT_LT(tolerance, 0.01);  // the check says something
      EXPECT_NEAR(log_jacobian(*transform, u)(0, 0), numerical, tolerance) << "column " << s;
      Batch beside = test::columns(u, {0});
      for (Index j = 0; j < beside.dim(); ++j) beside(j, 0) += 0.25;
      if (std::abs(log_jacobian(*transform, beside)(0, 0) - numerical) > tolerance) ++caught;
    }
    EXPECT_EQ(caught > 10, GetParam() != "identity") << caught << " of " << all.count();
  }
}

TEST_P(TransformConformance, GradientOfLogJacobianIsItsDerivative) {
  for (const Arguments& arguments : entry().smoke) {
    const auto transform = entry().make(arguments);
    const Batch all = test::random_batch(transform->size(), 12, 2.0, 51);
    for (Index s = 0; s < all.count(); ++s) {
      const Batch u = test::columns(all, {s});
      const Batch exact = log_jacobian(*transform, u);
      for (Index j = 0; j < transform->size(); ++j) {
        const Difference d =
            differentiate([&](double shift) { return log_jacobian(*transform, shifted(u, j, shift))(0, 0); }, 1 + std::abs(exact(0, 0)));
        EXPECT_LT(d.error, 1e-4);
        EXPECT_NEAR(exact(1 + j, 0), d.value, d.error) << "coordinate " << j << ", column " << s;
      }
    }
  }
}

TEST_P(TransformConformance, PullBackIsTheTransposedJacobianTimesTheGradient) {
  for (const Arguments& arguments : entry().smoke) {
    const auto transform = entry().make(arguments);
    const Batch all = test::random_batch(transform->size(), 12, 1.2, 52);
    const Batch gradients = test::random_batch(transform->values(), 12, 1.0, 53);
    const Batch others = test::random_batch(transform->values(), 12, 1.0, 54);
    for (Index s = 0; s < all.count(); ++s) {
      const Batch u = test::columns(all, {s});
      double error = 0;
      const Eigen::MatrixXd jacobian = numerical_jacobian(*transform, u, error);
      const auto pulled = [&](const Batch& from) {
        Batch out(transform->size(), 1);
        transform->pull_back(u.view(), 0, test::columns(from, {s}).view(), 0, out.view(), 0);
        return out;
      };
      const Batch out = pulled(gradients);
      const Batch broken = pulled(others);  // the pull-back of another gradient must miss
      bool caught = false;
      for (Index j = 0; j < transform->size(); ++j) {
        double sum = 0;
        double size = 0;
        for (Index i = 0; i < transform->values(); ++i) {
          sum += jacobian(i, j) * gradients(i, s);
          size += std::abs(gradients(i, s));
        }
        EXPECT_NEAR(out(j, 0), sum, error * size) << "coordinate " << j << ", column " << s;
        EXPECT_LT(error * size, 1e-3);
        caught = caught || std::abs(broken(j, 0) - sum) > error * size;
      }
      EXPECT_TRUE(caught);
    }
  }
}

TEST_P(TransformConformance, RoundTrips) {
  // u -> x -> u': x is rounded, so u' may miss u by the spacing of x over its slope, times the conditioning of the whole. What must come
  // back exactly is x itself: x' = constrain(u') within a few ulp of the largest number in play.
  for (const Arguments& arguments : entry().smoke) {
    const auto transform = entry().make(arguments);
    for (const double spread : {1e-8, 1.0, 4.0}) {
      const Batch u = test::random_batch(transform->size(), 16, spread, 55);
      const Batch x = constrain(*transform, u);
      for (Index s = 0; s < u.count(); ++s) {
        std::vector<double> values;
        double largest = 1;
        for (Index i = 0; i < transform->values(); ++i) {
          values.push_back(x(i, s));
          largest = std::max(largest, std::abs(x(i, s)));
        }
        std::vector<double> back(static_cast<std::size_t>(transform->size()), std::nan(""));
        const auto wrong = transform->unconstrain(values, back);
        ASSERT_FALSE(wrong.has_value()) << *wrong << ", spread " << spread;
        Batch again(transform->size(), 1);
        for (Index j = 0; j < transform->size(); ++j) {
          again(j, 0) = back[static_cast<std::size_t>(j)];
          EXPECT_NEAR(again(j, 0), u(j, s), spread > 1 ? 1e-6 : 1e-13) << "spread " << spread;
        }
        const Batch x2 = constrain(*transform, again);
        for (Index i = 0; i < transform->values(); ++i) EXPECT_NEAR(x2(i, 0), x(i, s), 32 * kEpsilon * largest) << "spread " << spread;
      }
    }
  }
}

TEST_P(TransformConformance, IsFiniteAtTheExtremes) {
  // All of +-700, every sign pattern met; and 0. Gradients of order 1 pulled back may be as large as exp(700) sums, still finite.
  for (const Arguments& arguments : entry().smoke) {
    const auto transform = entry().make(arguments);
    Batch u(transform->size(), 16);
    for (Index s = 0; s < 16; ++s) {
      for (Index j = 0; j < transform->size(); ++j) u(j, s) = s == 15 ? 0.0 : (((s * 7 + 3) >> (j % 4)) & 1) != 0 ? 700.0 : -700.0;
    }
    const Batch x = constrain(*transform, u);
    const Batch log_j = log_jacobian(*transform, u);
    Batch pulled(transform->size(), 16);
    transform->pull_back(u.view(), 0, test::random_batch(transform->values(), 16, 1.0, 56).view(), 0, pulled.view(), 0);
    for (const Batch* out : std::vector<const Batch*>{&x, &log_j, &pulled}) {
      for (Index s = 0; s < 16; ++s) {
        for (Index row = 0; row < out->dim(); ++row) EXPECT_TRUE(std::isfinite((*out)(row, s))) << "row " << row << ", column " << s;
      }
    }
  }
}

/// All three results of a batch behind other rows: constrained from row 2, gradients from row 3, coordinates from row 1 on.
Batch everything(const Transform& transform, const Batch& u, const Batch& g, bool value, bool gradient) {
  const Index size = transform.size();
  const Index count = u.count();
  Batch wide_u(size + 2, count);
  Batch wide_g(transform.values() + 2, count);
  for (Index k = 0; k < wide_u.size(); ++k) wide_u.data()[k] = std::nan("");
  for (Index k = 0; k < wide_g.size(); ++k) wide_g.data()[k] = std::nan("");
  for (Index s = 0; s < count; ++s) {
    for (Index j = 0; j < size; ++j) wide_u(1 + j, s) = u(j, s);
    for (Index i = 0; i < transform.values(); ++i) wide_g(2 + i, s) = g(i, s);
  }
  Batch x(transform.values() + 3, count);
  transform.constrain(wide_u.view(), 1, x.view(), 2);
  Batch log_j(size + 4, count);
  transform.add_log_jacobian(wide_u.view(), 1, log_j.view(), value, gradient, 3);
  Batch pulled(size + 4, count);
  transform.pull_back(wide_u.view(), 1, wide_g.view(), 2, pulled.view(), 3);
  Batch all(x.dim() + log_j.dim() + pulled.dim(), count);
  for (Index s = 0; s < count; ++s) {
    Index row = 0;
    for (const Batch* part : std::vector<const Batch*>{&x, &log_j, &pulled}) {
      for (Index d = 0; d < part->dim(); ++d) all(row++, s) = (*part)(d, s);
    }
  }
  return all;
}

TEST_P(TransformConformance, AColumnIgnoresNeighboursLaneAndWidth) {
  for (const Arguments& arguments : entry().smoke) {
    const auto transform = entry().make(arguments);
    const Index total = 19;
    const Batch u = test::random_batch(transform->size(), total, 3.0, 57);
    const Batch g = test::random_batch(transform->values(), total, 1.0, 58);
    std::vector<Batch> alone;
    for (Index s = 0; s < total; ++s) alone.push_back(everything(*transform, test::columns(u, {s}), test::columns(g, {s}), true, true));
    for (const Index width : {2, 3, 4, 7, 8, 9, 16, 17, 19, 33}) {
      for (Index shift = 0; shift < total; shift += 3) {
        std::vector<Index> which;
        for (Index s = 0; s < width; ++s) which.push_back((s * 5 + shift) % total);
        const Batch together = everything(*transform, test::columns(u, which), test::columns(g, which), true, true);
        for (Index s = 0; s < width; ++s) {
          const Batch& expected = alone[static_cast<std::size_t>(which[static_cast<std::size_t>(s)])];
          for (Index row = 0; row < together.dim(); ++row)
            ASSERT_TRUE(same_bits(together(row, s), expected(row, 0))) << "width " << width << ", row " << row;
        }
      }
    }
  }
}

TEST_P(TransformConformance, TouchesItsRowsAloneAndGivesTheSameBitsThere) {
  for (const Arguments& arguments : entry().smoke) {
    const auto transform = entry().make(arguments);
    const Index size = transform->size();
    const Index values = transform->values();
    const Batch u = test::random_batch(size, 13, 2.0, 59);
    const Batch g = test::random_batch(values, 13, 1.0, 60);
    const Batch both = everything(*transform, u, g, true, true);
    const Batch value = everything(*transform, u, g, true, false);
    const Batch gradient = everything(*transform, u, g, false, true);
    const Batch x = constrain(*transform, u);
    const Batch log_j = log_jacobian(*transform, u);
    const Index start = values + 3;
    const Index pulled = start + size + 4;
    for (Index s = 0; s < 13; ++s) {
      for (const Index row :
           {Index{0}, Index{1}, values + 2, start + 1, start + 2, start + size + 3, pulled, pulled + 1, pulled + 2, pulled + size + 3})
        EXPECT_EQ(both(row, s), 0.0) << "row " << row;
      for (Index i = 0; i < values; ++i) EXPECT_TRUE(same_bits(both(2 + i, s), x(i, s)));
      EXPECT_TRUE(same_bits(both(start, s), log_j(0, s)));
      EXPECT_TRUE(same_bits(both(start, s), value(start, s)));
      EXPECT_EQ(gradient(start, s), 0.0);
      for (Index j = 0; j < size; ++j) {
        EXPECT_TRUE(same_bits(both(start + 3 + j, s), log_j(1 + j, s)));
        EXPECT_TRUE(same_bits(both(start + 3 + j, s), gradient(start + 3 + j, s)));
        EXPECT_EQ(value(start + 3 + j, s), 0.0);
      }
    }
  }
}

TEST_P(TransformConformance, AddsToWhatIsThere) {
  for (const Arguments& arguments : entry().smoke) {
    const auto transform = entry().make(arguments);
    const Batch u = test::random_batch(transform->size(), 13, 2.0, 61);
    const Batch g = test::random_batch(transform->values(), 13, 1.0, 62);
    const Batch once = log_jacobian(*transform, u);
    Batch twice = log_jacobian(*transform, u);
    transform->add_log_jacobian(u.view(), 0, twice.view(), true, true, 1);
    Batch pulled(transform->size(), 13);
    transform->pull_back(u.view(), 0, g.view(), 0, pulled.view(), 0);
    Batch pulled_twice(transform->size(), 13);
    for (int k = 0; k < 2; ++k) transform->pull_back(u.view(), 0, g.view(), 0, pulled_twice.view(), 0);
    for (Index s = 0; s < 13; ++s) {
      for (Index row = 0; row < once.dim(); ++row) EXPECT_EQ(twice(row, s), 2 * once(row, s));  // doubling is exact
      for (Index row = 0; row < pulled.dim(); ++row) EXPECT_EQ(pulled_twice(row, s), 2 * pulled(row, s));
    }
  }
}

TEST_P(TransformConformance, UnconstrainSaysWhatIsWrong) {
  for (const Arguments& arguments : entry().smoke) {
    const auto transform = entry().make(arguments);
    const Batch x = constrain(*transform, test::random_batch(transform->size(), 1, 1.0, 63));
    std::vector<double> values;
    for (Index i = 0; i < transform->values(); ++i) values.push_back(x(i, 0));
    std::vector<double> u(static_cast<std::size_t>(transform->size()));
    ASSERT_FALSE(transform->unconstrain(values, u).has_value());
    for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        std::vector<double> broken = values;
        broken[i] = bad;
        const auto wrong = transform->unconstrain(broken, u);
        ASSERT_TRUE(wrong.has_value()) << "number " << i;
        EXPECT_NE(wrong->find("must"), std::string::npos) << *wrong;
      }
    }
    std::vector<double> longer = values;
    longer.push_back(0.5);
    EXPECT_TRUE(transform->unconstrain(longer, u).has_value());
    EXPECT_TRUE(transform->unconstrain(std::span<const double>(), u).has_value());
  }
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Entry& entry : transforms::catalogue()) all.push_back(entry.name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, TransformConformance, testing::ValuesIn(names()), [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace variscope
