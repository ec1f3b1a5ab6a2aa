/// Prior distributions against Boost.Math densities, quadrature, finite differences and Kolmogorov-Smirnov distances; parser errors.
#include "engine/distributions/distribution.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/math/distributions.hpp>
#include <boost/math/quadrature/exp_sinh.hpp>
#include <boost/math/quadrature/sinh_sinh.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "engine/error.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::distributions {
namespace {

using Function = std::function<double(double)>;

/// What Boost says: density and distribution function of text.
struct Reference {
  std::string text;
  Function density;
  Function below;
};

template <class D>
Reference plain(const std::string& text, const D& d) {
  return {text, [d](double x) { return boost::math::pdf(d, x); }, [d](double x) { return boost::math::cdf(d, x); }};
}

/// Of |X - 0|, X symmetric.
template <class D>
Reference folded(const std::string& text, const D& d) {
  return {text, [d](double x) { return 2 * boost::math::pdf(d, x); }, [d](double x) { return 2 * boost::math::cdf(d, x) - 1; }};
}

std::vector<Reference> references() {
  namespace b = boost::math;
  const b::students_t_distribution<> t(3.5);
  return {plain("normal(0.5, 2.5)", b::normal_distribution<>(0.5, 2.5)),
          {"student_t(3.5, -1, 2)", [t](double x) { return b::pdf(t, (x + 1) / 2) / 2; }, [t](double x) { return b::cdf(t, (x + 1) / 2); }},
          plain("cauchy(1, 0.5)", b::cauchy_distribution<>(1, 0.5)),
          folded("half_normal(1.5)", b::normal_distribution<>(0, 1.5)),
          folded("half_cauchy(0.7)", b::cauchy_distribution<>(0, 0.7)),
          plain("exponential(2)", b::exponential_distribution<>(2)),
          plain("gamma(0.6, 3)", b::gamma_distribution<>(0.6, 1.0 / 3)),
          plain("gamma(4, 0.5)", b::gamma_distribution<>(4, 2)),
          plain("inverse_gamma(2.5, 1.5)", b::inverse_gamma_distribution<>(2.5, 1.5)),
          plain("lognormal(0.3, 0.8)", b::lognormal_distribution<>(0.3, 0.8))};
}

double value(const Distribution& d, double x) { return d.terms(simd::broadcast(x)).value[0]; }

TEST(Distribution, EveryKindHasAReferenceAndIsReadAsItIsWritten) {
  std::vector<Kind> seen = {Kind::flat, Kind::log_flat};
  for (const Reference& reference : references()) {
    const Distribution d = parse(reference.text, "key");
    EXPECT_EQ(d.text(), reference.text);
    seen.push_back(d.kind());
  }
  for (const Description& of : descriptions()) EXPECT_NE(std::find(seen.begin(), seen.end(), of.kind), seen.end()) << of.name;
  for (std::size_t k = 0; k < descriptions().size(); ++k) EXPECT_EQ(descriptions()[k].kind, static_cast<Kind>(k));
  EXPECT_EQ(parse("  normal ( 0 ,2.5e0 ) ", "key").text(), "normal(0, 2.5)");
  EXPECT_EQ(parse("flat", "key").text(), "flat");
  EXPECT_EQ(parse("flat()", "key").text(), "flat");
}

TEST(Distribution, LogFlatIsFlatOnTheLogarithm) {
  const Distribution d = parse("log_flat", "key");
  EXPECT_FALSE(d.proper());
  EXPECT_EQ(d.support(), Support::positive);
  EXPECT_THROW((void)d.draw({}, 0), std::logic_error);
  for (const double u : {-90.0, -3.0, 0.0, 0.7, 80.0}) {
    // As a density of u = log x it is x times that of x: 1, its derivatives 0.
    const double x = std::exp(u);
    const Terms terms = d.terms(simd::broadcast(x));
    EXPECT_NEAR(terms.value[0] + u, 0, 1e-13);
    EXPECT_NEAR(terms.slope[0] * x + 1, 0, 1e-14);
    EXPECT_NEAR(terms.curvature[0] * x * x + terms.slope[0] * x, 0, 1e-14);
  }
  EXPECT_EQ(d.terms(simd::broadcast(0.0)).value[0], -std::numeric_limits<double>::infinity());
}

TEST(Distribution, DensityIsBoosts) {
  for (const Reference& reference : references()) {
    const Distribution d = parse(reference.text, "key");
    for (const double size : {1e-6, 0.01, 0.3, 1.0, 1.7, 5.0, 20.0}) {
      for (const double x : {size, -size}) {
        if (d.support() == Support::positive && x < 0) continue;
        const double exact = std::log(reference.density(x));
        if (!std::isfinite(exact)) continue;  // Boost's density underflows
        EXPECT_NEAR(value(d, x), exact, 4e-14 * (1 + std::abs(exact))) << d.text() << " at " << x;
      }
    }
  }
  EXPECT_EQ(value(Distribution(), 123.0), 0.0);
}

TEST(Distribution, IntegratesToOne) {
  boost::math::quadrature::sinh_sinh<double> line;
  boost::math::quadrature::exp_sinh<double> half;
  for (const Reference& reference : references()) {
    const Distribution d = parse(reference.text, "key");
    const auto density = [&](double x) { return std::abs(x) > 1e43 || (x != 0 && std::abs(x) < 1e-43) ? 0.0 : std::exp(value(d, x)); };
    EXPECT_NEAR(d.support() == Support::real ? line.integrate(density) : half.integrate(density), 1, 1e-7) << d.text();
  }
}

TEST(Distribution, DerivativesAreThoseOfTheValue) {
  // Central differences with one Richardson step: error O(h^4), rounding 1e-16 |f| / h, and 1e-16 |f| / h^2 for the second.
  for (const Reference& reference : references()) {
    const Distribution d = parse(reference.text, "key");
    for (const double x : {0.2, 0.9, 2.0, 7.0, -0.4, -3.0}) {
      if (d.support() == Support::positive && x < 0) continue;
      const Terms terms = d.terms(simd::broadcast(x));
      const auto first = [&](double h) { return (value(d, x + h) - value(d, x - h)) / (2 * h); };
      const auto second = [&](double h) {
        return (d.terms(simd::broadcast(x + h)).slope[0] - d.terms(simd::broadcast(x - h)).slope[0]) / (2 * h);
      };
      const double h = 1e-3 * std::abs(x);
      EXPECT_NEAR(terms.slope[0], (4 * first(h / 2) - first(h)) / 3, 1e-8 * (1 + std::abs(terms.slope[0]))) << d.text() << " at " << x;
      EXPECT_NEAR(terms.curvature[0], (4 * second(h / 2) - second(h)) / 3, 1e-8 * (1 + std::abs(terms.curvature[0]))) << d.text();
    }
  }
}

TEST(Distribution, OutsideItsSupportThereIsNoDensityAndNowhereNaN) {
  for (const Reference& reference : references()) {
    const Distribution d = parse(reference.text, "key");
    if (d.support() == Support::positive) {
      const Terms terms = d.terms(simd::broadcast(-1.0));
      EXPECT_EQ(terms.value[0], -std::numeric_limits<double>::infinity());
      EXPECT_EQ(terms.slope[0], 0);
      EXPECT_EQ(terms.curvature[0], 0);
    }
    for (const double x : {1e-43, 1e43}) {
      const Terms terms = d.terms(simd::broadcast(x));
      EXPECT_TRUE(std::isfinite(terms.value[0]) && std::isfinite(terms.slope[0]) && std::isfinite(terms.curvature[0])) << d.text() << x;
    }
  }
  EXPECT_NEAR(value(parse("half_normal(1)", "key"), 0.0), std::log(2 / std::sqrt(2 * std::acos(-1.0))), 1e-15);
}

TEST(Distribution, ALaneIgnoresTheOthers) {
  for (const Reference& reference : references()) {
    const Distribution d = parse(reference.text, "key");
    simd::Pack mixed{};
    for (int i = 0; i < simd::kWidth; ++i) mixed[i] = i == 1 ? std::nan("") : 0.3 * (i - 1);
    const Terms together = d.terms(mixed);
    for (int i = 0; i < simd::kWidth; ++i) {
      if (i == 1) continue;
      const Terms alone = d.terms(simd::broadcast(mixed[i]));
      EXPECT_TRUE(test::same_bits(together.value[i], alone.value[0])) << d.text();
      EXPECT_TRUE(test::same_bits(together.slope[i], alone.slope[0])) << d.text();
      EXPECT_TRUE(test::same_bits(together.curvature[i], alone.curvature[0])) << d.text();
    }
  }
}

/// sqrt(n) times the largest distance of the empirical distribution function from `below`.
double distance(std::vector<double> draws, const Function& below) {
  std::sort(draws.begin(), draws.end());
  const auto n = static_cast<double>(draws.size());
  double largest = 0;
  for (std::size_t i = 0; i < draws.size(); ++i) {
    const double p = below(draws[i]);
    largest = std::max({largest, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return std::sqrt(n) * largest;
}

TEST(Distribution, DrawsHaveTheDistribution) {
  // 4000 draws by stream and by lane; Kolmogorov's limit passes 2.7 with probability 2 exp(-2 2.7^2) = 9e-7, and there are 20 distances.
  // The twin, draws 15 % too large and moved by 0.4, passes it.
  for (const Reference& reference : references()) {
    const Distribution d = parse(reference.text, "key");
    std::vector<double> by_stream;
    std::vector<double> by_lane;
    for (std::uint32_t i = 0; i < 4000; ++i) {
      by_stream.push_back(d.draw({3, random::Purpose::testing, 70, 0, i}, 5));
      by_lane.push_back(d.draw({3, random::Purpose::testing, 71, 0, 0}, i));
    }
    EXPECT_LT(distance(by_stream, reference.below), 2.7) << d.text();
    EXPECT_LT(distance(by_lane, reference.below), 2.7) << d.text();
    std::vector<double> broken = by_stream;
    for (double& x : broken) x = 1.15 * x + 0.4;
    EXPECT_GT(distance(broken, reference.below), 2.7) << d.text();
    EXPECT_EQ(d.draw({3, random::Purpose::testing, 70, 0, 17}, 5), by_stream[17]);
  }
  EXPECT_FALSE(Distribution().proper());
}

void expect_error(const std::string& text, const std::vector<std::string>& parts) {
  try {
    parse(text, "model.prior_scale");
    ADD_FAILURE() << "accepted: " << text;
  } catch (const UserError& error) {
    for (const std::string& part : parts) EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(Distribution, ErrorsNameKeyProblemReasonAndTheNearestName) {
  expect_error("nornal(0, 1)", {"model.prior_scale: no distribution 'nornal' (valid: flat, ", "Did you mean normal(mean, sd)?"});
  expect_error("half-cauchy(1)", {"Did you mean half_cauchy(scale)?"});
  expect_error("normal(0)", {"'normal' with 1 argument (it takes 2). Write normal(mean, sd)."});
  expect_error("flat(1)", {"it takes none"});
  expect_error("normal(0, -1)", {"sd of 'normal' is -1 (it must be positive and finite)"});
  expect_error("normal(0, 0)", {"positive"});
  expect_error("gamma(inf, 1)", {"shape of 'gamma' is inf"});
  expect_error("normal(nan, 1)", {"mean of 'normal' is nan (it must be finite)"});
  expect_error("normal(0, one)", {"'one' in 'normal(0, one)' is no number"});
  expect_error("normal(0, 1,)", {"'' in"});
  expect_error("normal(0, 1", {"does not end with ')'"});
  expect_error("normal", {"with 0 arguments"});
  expect_error("", {"no distribution in ''"});
  expect_error("(1)", {"no distribution in"});
}

}  // namespace
}  // namespace variscope::distributions
