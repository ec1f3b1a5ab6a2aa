/// Test functions of one variable: derivatives by the complex step, Gaussian expectations by quadrature.
#include "engine/models/univariate.hpp"

#include <cmath>
#include <complex>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "engine/oracles/quadrature.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

using models::Univariate;
using Function = models::Univariate::Function;

std::complex<double> plain(Function function, double k, std::complex<double> x) {
  switch (function) {
    case Function::square:
      return (x - k) * (x - k);
    case Function::exponential:
      return std::exp(-k * x * x);
    default:
      return std::cos(k * x);
  }
}

const std::vector<std::pair<Function, double>> kFunctions = {
    {Function::square, 0.0},       {Function::square, 3.0}, {Function::exponential, 0.0}, {Function::exponential, 1.0},
    {Function::exponential, 10.0}, {Function::cosine, 0.5}, {Function::cosine, -1.0},     {Function::cosine, 5.0},
};

TEST(Univariate, ValueAndDerivativeByComplexStep) {
  // f'(x) = Im f(x + ih) / h has no cancellation: only rounding remains.
  for (const auto& [function, k] : kFunctions) {
    const Univariate model(function, k);
    const tiles::Batch x = test::random_batch(1, 21, 1.5, 11);
    const tiles::Batch out = test::prior(model, x, test::kBoth);
    for (Index s = 0; s < x.count(); ++s) {
      const double derivative = plain(function, k, {x(0, s), 1e-30}).imag() * 1e30;
      EXPECT_NEAR(out(0, s), plain(function, k, x(0, s)).real(), 4e-15 * (1.0 + std::abs(out(0, s))));
      EXPECT_NEAR(out(1, s), derivative, 2e-14 * (1.0 + std::abs(derivative)));
    }
  }
}

TEST(Univariate, ExpectationsMatchQuadrature) {
  const oracles::Rule rule = oracles::trapezoidal(1.0 / 64);  // narrowest bell: width 0.11
  for (const auto& [function, k] : kFunctions) {
    const Univariate model(function, k);
    for (const double m : {-0.8, 0.0, 1.0}) {
      for (const double s : {0.2, 1.0, 2.0}) {
        models::GaussianExpectation out = test::empty_expectation(model);
        model.expected_log_prior(&m, &s, out);
        const auto f = [&, fn = function, c = k](double e) { return plain(fn, c, m + s * e).real(); };
        EXPECT_NEAR(out.value, oracles::expectation(rule, f), 1e-13 + out.value_error);
        // E[f h] with the scores e / s and e^2 - 1: no derivative of f involved.
        EXPECT_NEAR(out.gradient[0], oracles::expectation(rule, [&](double e) { return f(e) * e / s; }), 2e-13 / s + out.error[0]);
        EXPECT_NEAR(out.gradient[1], oracles::expectation(rule, [&](double e) { return f(e) * (e * e - 1.0); }), 2e-13 + out.error[1]);
        EXPECT_LT(out.value_error, 1e-12);
      }
    }
  }
}

TEST(Univariate, RefusesUnknownWordsAndBadConstants) {
  EXPECT_THROW(Univariate::function_named("sine"), UserError);
  EXPECT_EQ(Univariate::function_named("cosine"), Function::cosine);
  EXPECT_THROW(Univariate(Function::exponential, -1.0), UserError);
  EXPECT_THROW(Univariate(Function::square, NAN), UserError);
  const models::Entry entry = models::univariate_entry();
  const models::Word& function = entry.words.at(0);
  EXPECT_FALSE(function.default_value);  // one must be named
  for (const std::string& word : function.choices) EXPECT_NO_THROW(Univariate::function_named(word)) << word;
}

}  // namespace
}  // namespace variscope
