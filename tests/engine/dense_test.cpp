/// Dense linear algebra against products written down and factorisations multiplied out.
#include "engine/dense.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace variscope::dense {
namespace {

const std::vector<double> kLower = {2, 0, 0, -1, 3, 0, 0.5, 4, 1};

TEST(Dense, ProductsAreSumsOfProducts) {
  const Matrix a(2, 3, std::vector<double>{1, 2, 3, 4, 5, 6});
  const Matrix b(3, 2, std::vector<double>{7, 8, 9, 10, 11, 12});
  EXPECT_EQ(product(a, b).values, (std::vector<double>{58, 64, 139, 154}));
  EXPECT_EQ(product(a, std::vector<double>{1, 0, -1}), (std::vector<double>{-2, -2}));
  EXPECT_EQ(transposed(a).values, (std::vector<double>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(product(a, identity(3)).values, a.values);
}

/// Shapes with and without remainders; every entry has the bits of its own chain, wherever it stands.
TEST(Dense, ProductsAreChainsOfFmaInOrder) {
  for (const Index rows : {1, 5, 6, 13}) {
    for (const Index columns : {1, 7, 16, 35}) {
      for (const Index inner : {0, 1, 9}) {
        Matrix a(rows, inner);
        Matrix b(inner, columns);
        for (std::size_t k = 0; k < a.values.size(); ++k) a.values[k] = std::sin(1.0 + static_cast<double>(k));
        for (std::size_t k = 0; k < b.values.size(); ++k) b.values[k] = std::cos(3.0 * static_cast<double>(k));
        const Matrix found = product(a, b);
        for (Index i = 0; i < rows; ++i) {
          for (Index j = 0; j < columns; ++j) {
            double sum = 0;
            for (Index k = 0; k < inner; ++k) sum = std::fma(a(i, k), b(k, j), sum);
            ASSERT_EQ(found(i, j), sum) << rows << " " << columns << " " << inner;
          }
        }
      }
    }
  }
}

/// Every entry has the bits of its own chain of products, whatever panel it stands in.
TEST(Dense, FactorsAndInversesAreChainsInOrder) {
  for (const Index dim : {1, 2, 7, 8, 16, 17, 33, 54}) {
    Matrix square(dim, dim);
    for (Index i = 0; i < dim; ++i) {
      for (Index j = 0; j <= i; ++j) square(i, j) = std::exp(-0.1 * static_cast<double>((i - j) * (i - j))) + (i == j ? 0.3 : 0.0);
      for (Index j = i + 1; j < dim; ++j) square(i, j) = std::numeric_limits<double>::quiet_NaN();  // not read
    }
    const auto lower = cholesky(square);
    ASSERT_TRUE(lower.has_value());
    Matrix expected(dim, dim);
    for (Index i = 0; i < dim; ++i) {
      for (Index j = 0; j <= i; ++j) {
        double rest = square(i, j);
        for (Index k = 0; k < j; ++k) rest -= expected(i, k) * expected(j, k);
        expected(i, j) = j < i ? rest / expected(j, j) : std::sqrt(rest);
      }
    }
    EXPECT_EQ(lower->values, expected.values) << dim;
    const Matrix inverse = inverse_of_cholesky(*lower);
    for (Index j = 0; j < dim; ++j) {
      std::vector<double> column(static_cast<std::size_t>(dim), 0.0);
      column[static_cast<std::size_t>(j)] = 1;
      solve_lower(*lower, column);
      solve_lower_transposed(*lower, column);
      for (Index i = j; i < dim; ++i) {
        ASSERT_EQ(inverse(i, j), column[static_cast<std::size_t>(i)]) << dim;
        ASSERT_EQ(inverse(j, i), inverse(i, j)) << dim;
      }
    }
    Matrix sides(dim, dim + 3);
    for (std::size_t k = 0; k < sides.values.size(); ++k) sides.values[k] = std::sin(2.0 + static_cast<double>(k));
    Matrix solved = sides;
    solve_lower_transposed(*lower, solved);
    for (Index j = 0; j < sides.columns; ++j) {
      std::vector<double> column;
      for (Index i = 0; i < dim; ++i) column.push_back(sides(i, j));
      solve_lower_transposed(*lower, column);
      for (Index i = 0; i < dim; ++i) ASSERT_EQ(solved(i, j), column[static_cast<std::size_t>(i)]) << dim;
    }
    square(dim - 1, dim - 1) = -1;
    EXPECT_FALSE(cholesky(square).has_value());
  }
}

TEST(Dense, CholeskyFindsTheFactorThatWasMultipliedOut) {
  const Matrix lower(3, 3, kLower);
  const Matrix square = product(lower, transposed(lower));
  const auto found = cholesky(square);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->values, kLower);
  EXPECT_DOUBLE_EQ(log_diagonal(*found), std::log(6.0));
  std::vector<double> x{1, -2, 0.25};
  solve_lower_transposed(lower, x);
  solve_lower(lower, x);
  EXPECT_NE(x, (std::vector<double>{1, -2, 0.25}));
  auto back = product(transposed(lower), product(lower, x));
  EXPECT_NEAR(back[0], 1, 1e-13);
  EXPECT_NEAR(back[1], -2, 1e-13);
  EXPECT_NEAR(back[2], 0.25, 1e-13);
  const Matrix one = product(square, inverse_of_cholesky(lower));
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 3; ++j) EXPECT_NEAR(one(i, j), i == j ? 1 : 0, 1e-12);
  }
}

TEST(Dense, CholeskyRefusesWhatIsNotPositiveDefinite) {
  EXPECT_FALSE(cholesky({2, 2, std::vector<double>{1, 2, 2, 1}}).has_value());
  EXPECT_FALSE(cholesky({1, 1, std::vector<double>{0}}).has_value());
  EXPECT_FALSE(cholesky({1, 1, std::vector<double>{std::numeric_limits<double>::infinity()}}).has_value());
  EXPECT_FALSE(cholesky({1, 1, std::vector<double>{std::nan("")}}).has_value());
}

}  // namespace
}  // namespace variscope::dense
