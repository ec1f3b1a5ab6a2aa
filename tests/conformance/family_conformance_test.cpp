/// What every catalogued family must do: its density, score, pathwise derivative, entropy and moments agree with its definition.
#include <cmath>
#include <cstring>
#include <ostream>
#include <set>
#include <span>
#include <stdexcept>

#include <gtest/gtest.h>

#include "engine/families/catalogue.hpp"
#include "tests/conformance/family_subject.hpp"
#include "tests/conformance/family_truth.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

using families::Entry;
using families::Family;
using test::Draws;
using test::FamilySubject;
using test::Real;
using test::Reals;
using tiles::Batch;

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }
bool is_discrete(const Family& family) { return family.noise().normals == 0; }

Batch log_density(const Family& family, const Draws& draws) {
  Batch out(1, draws.z.count());
  family.log_density(draws.noise.view(), draws.z.view(), out.view());
  return out;
}

Batch score(const Family& family, const Draws& draws) {
  Batch out(family.parameters(), draws.z.count());
  family.score(draws.noise.view(), draws.z.view(), out.view());
  return out;
}

Batch grad_log_density(const Family& family, const Draws& draws) {
  Batch out(family.dim(), draws.z.count());
  family.grad_log_density(draws.noise.view(), draws.z.view(), out.view());
  return out;
}

Reals column(const Batch& batch, Index s) {
  Reals values;
  for (Index d = 0; d < batch.dim(); ++d) values.push_back(batch(d, s));
  return values;
}

/// Central difference with one Richardson step, error O(h^4) times the fifth derivative.
template <class Scalar, class Function>
Scalar difference(Scalar h, Function&& value_at) {
  const Scalar wide = (value_at(h) - value_at(-h)) / (2 * h);
  const Scalar narrow = (value_at(h / 2) - value_at(-h / 2)) / h;
  return (4 * narrow - wide) / 3;
}

/// d log q / d lambda_p at fixed z, from the definition.
Real truth_score(const FamilySubject& subject, const Reals& lambda, const Reals& z, std::size_t p) {
  const auto& density = test::family_truths().at(subject.entry->name).log_density;
  return difference(Real{0x1p-10}, [&](Real step) {
    Reals moved = lambda;
    moved[p] += step;
    return density(subject.arguments, moved, z);
  });
}

Real truth_slope(const FamilySubject& subject, const Reals& lambda, const Reals& z, std::size_t d) {
  const auto& density = test::family_truths().at(subject.entry->name).log_density;
  return difference(Real{0x1p-10}, [&](Real step) {
    Reals moved = z;
    moved[d] += step;
    return density(subject.arguments, lambda, moved);
  });
}

/// Mean of n terms against what it should be, in standard errors.
template <class Term>
double z_score(Index n, double expected, Term&& term) {
  double sum = 0;
  double squares = 0;
  for (Index s = 0; s < n; ++s) {
    const double x = term(s) - expected;
    sum += x;
    squares += x * x;
  }
  const auto count = static_cast<double>(n);
  const double average = sum / count;
  return average / std::sqrt((squares / count - average * average) / count);
}

/// False alarms: |z| > 5 has probability 6e-7, and the catalogue makes fewer than 300 such checks of 40 000 draws each.
constexpr double kAlarm = 5.0;
constexpr Index kDraws = 40000;
/// Noise that is not the family's: the check must notice.
constexpr double kBroken = 1.1;

struct Case {
  std::string name;
  Index scale = 1;  ///< dim = scale times that of the smoke arguments
};

std::ostream& operator<<(std::ostream& out, const Case& at) { return out << at.name << " x" << at.scale; }

class FamilyConformance : public testing::TestWithParam<Case> {
 protected:
  [[nodiscard]] static const Entry& entry() { return *families::find(GetParam().name); }
  [[nodiscard]] static Index dim() { return GetParam().scale * entry().smoke.dim; }
  [[nodiscard]] static FamilySubject subject() { return {entry(), dim()}; }
};

/// What needs many draws or few dimensions: shown at the smoke dimension.
class SmallFamilyConformance : public FamilyConformance {};

TEST_P(FamilyConformance, IsDocumentedAndConsistent) {
  EXPECT_FALSE(entry().summary.empty());
  EXPECT_FALSE(entry().source.empty());
  for (const families::Parameter& parameter : entry().parameters) {
    EXPECT_FALSE(parameter.description.empty()) << parameter.name;
    EXPECT_TRUE(entry().smoke.numbers.contains(parameter.name)) << parameter.name;
    EXPECT_GE(parameter.default_value, parameter.minimum);
    EXPECT_LE(parameter.default_value, parameter.maximum);
  }
  ASSERT_TRUE(test::family_truths().contains(entry().name)) << "write its density down in family_truth.hpp";
  const FamilySubject at = subject();
  const Family& family = *at.family;
  EXPECT_EQ(family.dim(), dim());
  EXPECT_EQ(family.parameters(), entry().size(at.arguments));
  EXPECT_EQ(family.parameters(), static_cast<Index>(at.lambda.size()));
  EXPECT_GE(family.noise().rows(), 1);
  std::vector<std::string> coordinates;
  for (Index d = 0; d < dim(); ++d) coordinates.push_back("x" + std::to_string(d));
  const auto names = family.parameter_names(coordinates);
  EXPECT_EQ(static_cast<Index>(names.size()), family.parameters());
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  Index reached = 0;
  for (const Block& block : family.blocks()) {
    EXPECT_EQ(block.parameters.first, reached) << block.name;
    EXPECT_GT(block.parameters.size(), 0) << block.name;
    reached = block.parameters.last;
  }
  EXPECT_EQ(reached, family.parameters());
  const auto weights = family.inverse_fisher_diagonal();
  EXPECT_TRUE(weights.empty() || weights.size() == at.lambda.size());
  EXPECT_EQ(families::find("no_such_family"), nullptr);
}

TEST_P(FamilyConformance, NoBlockIsEmptyInOneDimension) {
  if (entry().smoke.numbers.contains("categories")) GTEST_SKIP() << "one dimension is no multiple of the categories";
  const FamilySubject at(entry(), 1);
  Index reached = 0;
  for (const Block& block : at.family->blocks()) {
    EXPECT_GT(block.parameters.size(), 0) << block.name;
    reached += block.parameters.size();
  }
  EXPECT_EQ(reached, at.family->parameters());
}

TEST_P(FamilyConformance, InitialHasTheMomentsAskedFor) {
  families::Arguments arguments = entry().smoke;
  arguments.dim = dim();
  const auto lambda = entry().initial(arguments, test::asked_mean(dim()), test::asked_sd(dim()));
  EXPECT_EQ(lambda, entry().initial(arguments, test::asked_mean(dim()), test::asked_sd(dim())));
  const auto family = entry().make(arguments, lambda);
  std::vector<double> mean(static_cast<std::size_t>(dim()));
  std::vector<double> sd(static_cast<std::size_t>(dim()));
  family->moments(mean, sd);
  for (std::size_t d = 0; d < mean.size(); ++d) {
    EXPECT_NEAR(mean[d], test::asked_mean(dim())[d], 1e-14);
    // A discrete z has the deviation that its mean leaves it.
    const double asked = is_discrete(*family) ? std::sqrt(mean[d] * (1 - mean[d])) : test::asked_sd(dim())[d];
    EXPECT_NEAR(sd[d], asked, 1e-14);
  }
}

TEST_P(FamilyConformance, LogDensityIsTheDefinition) {
  const FamilySubject at = subject();
  const Reals lambda(at.lambda.begin(), at.lambda.end());
  const Draws draws(*at.family, 40, 1, 2.0);  // wide: the tails too
  const Batch out = log_density(*at.family, draws);
  for (Index s = 0; s < out.count(); ++s) {
    const auto expected = static_cast<double>(test::family_truths().at(entry().name).log_density(at.arguments, lambda, column(draws.z, s)));
    // z is rounded: an ulp of it moves the density by up to |d log q / dz| |z| 1e-16.
    EXPECT_NEAR(out(0, s), expected, 1e-12 * (1 + std::abs(expected))) << "column " << s;
  }
}

TEST_P(FamilyConformance, ScoreIsTheDerivativeOfLogDensity) {
  const FamilySubject at = subject();
  const Reals lambda(at.lambda.begin(), at.lambda.end());
  Reals wrong = lambda;
  for (std::size_t p = 0; p < wrong.size(); ++p) wrong[p] += p % 2 == 0 ? 1e-4L : -1e-4L;
  const Draws draws(*at.family, 13, 2);
  const Batch out = score(*at.family, draws);
  Index caught = 0;
  for (Index s = 0; s < out.count(); ++s) {
    const Reals z = column(draws.z, s);
    for (Index p = 0; p < out.dim(); ++p) {
      const auto expected = static_cast<double>(truth_score(at, lambda, z, static_cast<std::size_t>(p)));
      const double tolerance = 1e-9 * (1 + std::abs(expected));
      EXPECT_NEAR(out(p, s), expected, tolerance) << "parameter " << p << ", column " << s;
      if (s > 0) continue;  // the broken twin: the score of another member
      caught += std::abs(out(p, s) - static_cast<double>(truth_score(at, wrong, z, static_cast<std::size_t>(p)))) > tolerance ? 1 : 0;
    }
  }
  EXPECT_GT(caught, at.family->parameters() / 2);
}

TEST_P(SmallFamilyConformance, ScoreHasMeanZero) {
  const FamilySubject at = subject();
  double worst_broken = 0;
  const Draws draws(*at.family, kDraws, 3);
  const Draws broken(*at.family, kDraws, 3, kBroken);
  const Batch out = score(*at.family, draws);
  const Batch other = score(*at.family, broken);
  for (Index p = 0; p < out.dim(); ++p) {
    EXPECT_LT(std::abs(z_score(kDraws, 0.0, [&](Index s) { return out(p, s); })), kAlarm) << "parameter " << p;
    worst_broken = std::max(worst_broken, std::abs(z_score(kDraws, 0.0, [&](Index s) { return other(p, s); })));
  }
  EXPECT_GT(worst_broken, 2 * kAlarm);
}

TEST_P(SmallFamilyConformance, FisherDiagonalIsThatOfTheScore) {
  const FamilySubject at = subject();
  const auto weights = at.family->inverse_fisher_diagonal();
  if (weights.empty()) GTEST_SKIP() << "declares none";
  const Draws draws(*at.family, kDraws, 4);
  const Batch out = score(*at.family, draws);
  for (Index p = 0; p < out.dim(); ++p) {
    const double information = 1.0 / weights[static_cast<std::size_t>(p)];
    const auto square = [&](Index s) { return out(p, s) * out(p, s); };
    EXPECT_LT(std::abs(z_score(kDraws, information, square)), kAlarm) << "parameter " << p;
    EXPECT_GT(std::abs(z_score(kDraws, 1.2 * information, square)), kAlarm) << "parameter " << p;
  }
}

/// Inverse of a symmetric positive definite matrix by elimination, row by row.
Reals inverse_of(Reals a) {
  const auto n = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(a.size()))));
  Reals inverse(n * n, 0.0L);
  for (std::size_t i = 0; i < n; ++i) inverse[i * n + i] = 1;
  for (std::size_t k = 0; k < n; ++k) {
    const Real pivot = a[k * n + k];
    for (std::size_t j = 0; j < n; ++j) {
      a[k * n + j] /= pivot;
      inverse[k * n + j] /= pivot;
    }
    for (std::size_t i = 0; i < n; ++i) {
      const Real factor = a[i * n + k];
      if (i == k) continue;
      for (std::size_t j = 0; j < n; ++j) {
        a[i * n + j] -= factor * a[k * n + j];
        inverse[i * n + j] -= factor * inverse[k * n + j];
      }
    }
  }
  return inverse;
}

TEST_P(FamilyConformance, FisherDiagonalOfANormalIsThatOfItsMoments) {
  // F_pp = dm' S^-1 dm + tr(S^-1 dS S^-1 dS) / 2 for N(m, S), derivatives by differences of what other tests prove.
  const FamilySubject at = subject();
  if (!at.family->gaussian()) GTEST_SKIP() << "is not normal";
  const auto weights = at.family->inverse_fisher_diagonal();
  ASSERT_EQ(weights.size(), at.lambda.size());
  const auto n = static_cast<std::size_t>(dim());
  const auto moments_at = [&](std::size_t p, double step) {
    auto moved = at.lambda;
    moved[p] += step;
    const auto family = at.at(moved);
    std::vector<double> all(n + n + n * n);
    family->moments(std::span(all).first(n), std::span(all).subspan(n, n));
    family->covariance(std::span(all).subspan(2 * n));
    return all;
  };
  const auto here = moments_at(0, 0.0);
  const Reals precision = inverse_of(Reals(here.begin() + 2 * static_cast<std::ptrdiff_t>(n), here.end()));
  for (std::size_t p = 0; p < weights.size(); ++p) {
    // S is quadratic in lambda_p, or like exp.
    constexpr double kStep = 0x1p-7;
    const auto up = moments_at(p, kStep);
    const auto down = moments_at(p, -kStep);
    const auto half_up = moments_at(p, kStep / 2);
    const auto half_down = moments_at(p, -kStep / 2);
    Reals slope;
    for (std::size_t k = 0; k < here.size(); ++k) slope.push_back((8 * (half_up[k] - half_down[k]) - (up[k] - down[k])) / (6 * kStep));
    Real information = 0;
    Reals product(n * n, 0.0L);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        information += slope[i] * precision[i * n + j] * slope[j];
        for (std::size_t k = 0; k < n; ++k) product[i * n + j] += precision[i * n + k] * slope[2 * n + k * n + j];
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) information += product[i * n + j] * product[j * n + i] / 2;
    }
    EXPECT_NEAR(weights[p] * static_cast<double>(information), 1.0, 1e-7) << "parameter " << p;
  }
}

TEST_P(FamilyConformance, WeightedScoreIsTheSumOfScores) {
  const FamilySubject at = subject();
  const Draws draws(*at.family, 29, 5);
  const Batch out = score(*at.family, draws);
  for (const Range columns : {Range{0, 29}, Range{8, 24}, Range{3, 5}, Range{5, 21}, Range{7, 7}}) {
    std::vector<double> weights;
    for (Index c = columns.first; c < columns.last; ++c) weights.push_back(0.7 - 0.13 * static_cast<double>(c));
    std::vector<double> sum(at.lambda.size(), 0.25);  // adds to what is there
    at.family->add_weighted_score(draws.noise.view(), draws.z.view(), columns.first, columns.last, weights, sum);
    for (Index p = 0; p < out.dim(); ++p) {
      double expected = 0.25;
      double size = 1;
      for (Index c = columns.first; c < columns.last; ++c) {
        const double term = weights[static_cast<std::size_t>(c - columns.first)] * out(p, c);
        expected += term;
        size += std::abs(weights[static_cast<std::size_t>(c - columns.first)]) * (1 + std::abs(out(p, c)));
      }
      EXPECT_NEAR(sum[static_cast<std::size_t>(p)], expected, 1e-14 * size) << "parameter " << p;
    }
  }
}

TEST_P(FamilyConformance, PathwiseIsTheDerivativeOfSample) {
  const FamilySubject at = subject();
  const Draws draws(*at.family, 29, 6);
  const Batch slopes = test::random_batch(1 + dim(), 29, 1.0, 30);
  std::vector<double> sum(at.lambda.size(), 0.25);
  const auto add = [&](const Family& family, Range columns) {
    family.add_pathwise(draws.noise.view(), draws.z.view(), slopes.view(), 1, columns.first, columns.last, sum);
  };
  if (!at.family->reparameterisable()) {
    EXPECT_THROW(add(*at.family, {0, 1}), std::logic_error);
    return;
  }
  for (const Range columns : {Range{0, 29}, Range{8, 24}, Range{3, 5}, Range{5, 21}}) {
    sum.assign(at.lambda.size(), 0.25);
    add(*at.family, columns);
    for (std::size_t p = 0; p < sum.size(); ++p) {
      // At most one coordinate of z is not linear in lambda_p, and that one like exp: the fifth derivative is of the size of the first.
      const auto projected = [&](double step) {
        auto moved = at.lambda;
        moved[p] += step;
        Batch z(dim(), 29);
        at.at(moved)->sample(draws.noise.view(), z.view());
        double total = 0;
        for (Index c = columns.first; c < columns.last; ++c) {
          for (Index d = 0; d < dim(); ++d) total += slopes(1 + d, c) * (z(d, c) - draws.z(d, c));
        }
        return total;
      };
      const double expected = 0.25 + difference(0x1p-8, projected);
      EXPECT_NEAR(sum[p], expected, 1e-10 * (1 + std::abs(expected))) << "parameter " << p;
      // The broken twin: a sample map whose parameter runs 1e-6 faster.
      EXPECT_GT(std::abs(sum[p] - (0.25 + difference(0x1p-8, [&](double step) { return projected(step * (1 + 1e-6)); }))),
                1e-8 * std::abs(expected - 0.25));
    }
  }
}

TEST_P(FamilyConformance, GradLogDensityIsTheDerivative) {
  const FamilySubject at = subject();
  const Draws draws(*at.family, 13, 7);
  if (is_discrete(*at.family)) {
    EXPECT_THROW(grad_log_density(*at.family, draws), std::logic_error);
    return;
  }
  const Reals lambda(at.lambda.begin(), at.lambda.end());
  Reals wrong = lambda;
  for (Real& value : wrong) value += 1e-4L;
  const Batch out = grad_log_density(*at.family, draws);
  Index caught = 0;
  for (Index s = 0; s < out.count(); ++s) {
    const Reals z = column(draws.z, s);
    for (Index d = 0; d < dim(); ++d) {
      const auto expected = static_cast<double>(truth_slope(at, lambda, z, static_cast<std::size_t>(d)));
      const double tolerance = 1e-9 * (1 + std::abs(expected));
      EXPECT_NEAR(out(d, s), expected, tolerance) << "coordinate " << d << ", column " << s;
      caught += std::abs(out(d, s) - static_cast<double>(truth_slope(at, wrong, z, static_cast<std::size_t>(d)))) > tolerance ? 1 : 0;
    }
  }
  EXPECT_GT(caught, dim() * out.count() / 2);
}

TEST_P(FamilyConformance, EntropyIsMinusTheExpectedLogDensity) {
  const FamilySubject at = subject();
  const auto entropy = at.family->entropy();
  if (!entropy) GTEST_SKIP() << "has no closed form";
  const Batch out = log_density(*at.family, Draws(*at.family, kDraws, 8));
  EXPECT_LT(std::abs(z_score(kDraws, *entropy, [&](Index s) { return -out(0, s); })), kAlarm);
  const Batch broken = log_density(*at.family, Draws(*at.family, kDraws, 8, kBroken));
  EXPECT_GT(std::abs(z_score(kDraws, *entropy, [&](Index s) { return -broken(0, s); })), kAlarm);
}

TEST_P(FamilyConformance, EntropyGradientIsTheDerivative) {
  const FamilySubject at = subject();
  std::vector<double> gradient(at.lambda.size(), 0.25);
  if (!at.family->entropy()) {
    EXPECT_THROW(at.family->add_entropy_gradient(gradient), std::logic_error);
    return;
  }
  at.family->add_entropy_gradient(gradient);
  int caught = 0;
  for (std::size_t p = 0; p < gradient.size(); ++p) {
    const auto entropy_at = [&](double step) {
      auto moved = at.lambda;
      moved[p] += step;
      return *at.at(moved)->entropy();
    };
    // h^4 = 1.5e-11 times a fifth derivative of order one; rounding 1e-15 |H| / h.
    const double expected = 0.25 + difference(0x1p-9, entropy_at);
    EXPECT_NEAR(gradient[p], expected, 1e-9) << "parameter " << p;
    // The broken twin: an entropy that is 0.1 % off. It shows nowhere if no parameter moves the entropy.
    caught += std::abs(gradient[p] - (0.25 + 1.001 * (expected - 0.25))) > 1e-9 ? 1 : 0;
  }
  EXPECT_GT(caught, 0);
}

TEST_P(FamilyConformance, NormalGradientIsTheDerivative) {
  // E_q log N(z_d; mean, sd^2) = -((m - mean)^2 + s^2) / (2 sd^2) + constant, m and s being the moments that other tests prove.
  const FamilySubject at = subject();
  std::vector<double> prior_mean(static_cast<std::size_t>(dim()));
  std::vector<double> prior_sd(static_cast<std::size_t>(dim()));
  for (std::size_t d = 0; d < prior_mean.size(); ++d) {
    prior_mean[d] = 0.4 - 0.1 * static_cast<double>(d);
    prior_sd[d] = 0.8 + 0.2 * static_cast<double>(d % 5);
  }
  std::vector<double> gradient(at.lambda.size(), 0.25);
  if (!at.family->has_normal_gradient()) {
    EXPECT_THROW(at.family->add_normal_gradient(prior_mean, prior_sd, gradient), std::logic_error);
    return;
  }
  at.family->add_normal_gradient(prior_mean, prior_sd, gradient);
  std::vector<int> caught(2, 0);
  for (std::size_t p = 0; p < gradient.size(); ++p) {
    // location, scale: whether their terms are in.
    const auto expectation_at = [&](double step, bool location = true, bool scale = true) {
      auto moved = at.lambda;
      moved[p] += step;
      std::vector<double> mean(prior_mean.size());
      std::vector<double> sd(prior_mean.size());
      at.at(moved)->moments(mean, sd);
      double sum = 0;
      for (std::size_t d = 0; d < mean.size(); ++d) {
        const double distance = location ? mean[d] - prior_mean[d] : 0.0;
        sum -= 0.5 * (distance * distance + (scale ? sd[d] * sd[d] : 0.0)) / (prior_sd[d] * prior_sd[d]);
      }
      return sum;
    };
    const double expected = 0.25 + difference(0x1p-9, [&](double step) { return expectation_at(step); });
    EXPECT_NEAR(gradient[p], expected, 1e-9) << "parameter " << p;
    // Broken twins: one of the two terms forgotten. Each shows in some parameter.
    const double fixed = 0.25 + difference(0x1p-9, [&](double step) { return expectation_at(step, false, true); });
    const double narrow = 0.25 + difference(0x1p-9, [&](double step) { return expectation_at(step, true, false); });
    caught[0] += std::abs(gradient[p] - fixed) > 1e-6 ? 1 : 0;
    caught[1] += std::abs(gradient[p] - narrow) > 1e-6 ? 1 : 0;
  }
  for (const int parameters : caught) EXPECT_GT(parameters, 0);
}

TEST_P(SmallFamilyConformance, MomentsOfManyDraws) {
  const FamilySubject at = subject();
  std::vector<double> mean(static_cast<std::size_t>(dim()));
  std::vector<double> sd(static_cast<std::size_t>(dim()));
  at.family->moments(mean, sd);
  double worst_broken = 0;
  const Draws draws(*at.family, kDraws, 9);
  const Draws broken(*at.family, kDraws, 9, kBroken);
  for (Index d = 0; d < dim(); ++d) {
    const double m = mean[static_cast<std::size_t>(d)];
    const double variance = sd[static_cast<std::size_t>(d)] * sd[static_cast<std::size_t>(d)];
    const auto z = [&](const Draws& from) {
      const double location = z_score(kDraws, m, [&](Index s) { return from.z(d, s); });
      const double spread = z_score(kDraws, variance, [&](Index s) { return (from.z(d, s) - m) * (from.z(d, s) - m); });
      return std::max(std::abs(location), std::abs(spread));
    };
    EXPECT_LT(z(draws), kAlarm) << "coordinate " << d;
    worst_broken = std::max(worst_broken, z(broken));
  }
  EXPECT_GT(worst_broken, 2 * kAlarm);
}

/// sum over z of w(z) (1, z, z^2, -log q) q(z).
struct Integral {
  Real mass = 0;
  Real entropy = 0;
  Reals first;
  Reals second;
  void add(Real weight, Real log_q, const Reals& z) {
    const Real q = weight * std::exp(log_q);
    mass += q;
    entropy -= q * log_q;
    first.resize(z.size());
    second.resize(z.size());
    for (std::size_t d = 0; d < z.size(); ++d) {
      first[d] += q * z[d];
      second[d] += q * z[d] * z[d];
    }
  }
};

/// The definition's density, which LogDensityIsTheDefinition ties to the family's, integrated and compared with closed forms.
void expect_integrals(const FamilySubject& at) {
  const test::FamilyTruth& truth = test::family_truths().at(at.entry->name);
  const Reals lambda(at.lambda.begin(), at.lambda.end());
  const auto dim = static_cast<std::size_t>(at.family->dim());
  std::vector<double> mean(dim);
  std::vector<double> sd(dim);
  at.family->moments(mean, sd);
  Integral integral;
  if (truth.support) {
    for (const Reals& z : truth.support(at.arguments)) integral.add(1, truth.log_density(at.arguments, lambda, z), z);
  } else {
    // Trapezoidal rule, spectrally accurate for normals: 12 deviations either way, 20 steps a deviation.
    const int reach = 240;
    const auto sweep = [&](auto&& self, std::size_t d, Real weight, Reals& z) -> void {
      if (d == dim) return integral.add(weight, truth.log_density(at.arguments, lambda, z), z);
      for (int k = -reach; k <= reach; ++k) {
        z[d] = mean[d] + sd[d] * k / 20.0L;
        self(self, d + 1, weight * sd[d] / 20.0L, z);
      }
    };
    Reals z(dim);
    sweep(sweep, 0, 1, z);
  }
  EXPECT_NEAR(static_cast<double>(integral.mass), 1.0, 1e-12);
  for (std::size_t d = 0; d < dim; ++d) {
    EXPECT_NEAR(static_cast<double>(integral.first[d]), mean[d], 1e-12);
    EXPECT_NEAR(static_cast<double>(std::sqrt(integral.second[d] - integral.first[d] * integral.first[d])), sd[d], 1e-12);
  }
  if (at.family->entropy()) {
    EXPECT_NEAR(*at.family->entropy(), static_cast<double>(integral.entropy), 1e-12);
  }
}

TEST_P(SmallFamilyConformance, DensityIntegratesToOneWithItsMomentsAndEntropy) {
  if (test::family_truths().at(entry().name).support) return expect_integrals(subject());
  expect_integrals(FamilySubject(entry(), 1));
  expect_integrals(FamilySubject(entry(), 2));
}

TEST_P(FamilyConformance, ColumnsDoNotDependOnNeighboursOrLane) {
  const FamilySubject at = subject();
  const Family& family = *at.family;
  const Index count = 21;
  const Draws draws(family, count, 10);
  const Batch slopes = test::random_batch(1 + dim(), count, 1.0, 31);
  // Column order[c] of the old batch becomes column c of the new one.
  const std::vector<Index> order = {20, 3, 0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 1};
  Draws moved(family, static_cast<Index>(order.size()), 10);
  moved.noise = test::columns(draws.noise, order);
  family.sample(moved.noise.view(), moved.z.view());
  const auto expect_same = [&](const Batch& all, const Batch& some, const char* what) {
    for (std::size_t c = 0; c < order.size(); ++c) {
      for (Index row = 0; row < all.dim(); ++row) {
        ASSERT_TRUE(same_bits(all(row, order[c]), some(row, static_cast<Index>(c)))) << what << ", row " << row << ", column " << order[c];
      }
    }
  };
  expect_same(draws.z, moved.z, "sample");
  expect_same(log_density(family, draws), log_density(family, moved), "log_density");
  expect_same(score(family, draws), score(family, moved), "score");
  if (!is_discrete(family)) expect_same(grad_log_density(family, draws), grad_log_density(family, moved), "grad_log_density");

  // Columns 5..15 lie in other lanes and blocks of `moved`, where they are 3..13.
  const std::vector<double> weights = {0.3, -1.2, 0.7, 0.1, 1.9, -0.4, 0.6, 0.2, -0.8, 1.1, 0.5};
  std::vector<double> here(at.lambda.size(), 0.25);
  std::vector<double> there(at.lambda.size(), 0.25);
  family.add_weighted_score(draws.noise.view(), draws.z.view(), 5, 16, weights, here);
  family.add_weighted_score(moved.noise.view(), moved.z.view(), 3, 14, weights, there);
  for (std::size_t p = 0; p < here.size(); ++p) ASSERT_TRUE(same_bits(here[p], there[p])) << "add_weighted_score, parameter " << p;
  if (!family.reparameterisable()) return;
  const Batch moved_slopes = test::columns(slopes, order);
  family.add_pathwise(draws.noise.view(), draws.z.view(), slopes.view(), 1, 5, 16, here);
  family.add_pathwise(moved.noise.view(), moved.z.view(), moved_slopes.view(), 1, 3, 14, there);
  for (std::size_t p = 0; p < here.size(); ++p) ASSERT_TRUE(same_bits(here[p], there[p])) << "add_pathwise, parameter " << p;
}

TEST_P(SmallFamilyConformance, IsFiniteFarOut) {
  const FamilySubject at = subject();
  for (const double sign : {1.0, -1.0}) {
    for (const bool alternating : {true, false}) {
      auto lambda = at.lambda;
      for (const Block& block : at.family->blocks()) {
        const double size = block.name == "log_scale" ? 300 : block.name == "logits" ? 700 : 0;
        // Ratios of scales multiply along a full factor, beyond what a double holds: its scores are finite where it is diagonal.
        if (size == 0 && block.name != "off_diagonal") continue;
        for (Index p = block.parameters.first; p < block.parameters.last; ++p) {
          lambda[static_cast<std::size_t>(p)] = sign * (alternating && (p - block.parameters.first) % 2 == 1 ? -size : size);
        }
      }
      const auto family = at.at(lambda);
      const Draws draws(*family, 64, 11);
      const auto expect_finite = [&](const Batch& batch, const char* what) {
        for (Index s = 0; s < batch.count(); ++s) {
          for (Index row = 0; row < batch.dim(); ++row)
            ASSERT_TRUE(std::isfinite(batch(row, s))) << what << ", row " << row << ", " << sign;
        }
      };
      expect_finite(draws.z, "sample");
      expect_finite(log_density(*family, draws), "log_density");
      expect_finite(score(*family, draws), "score");
      if (!is_discrete(*family)) expect_finite(grad_log_density(*family, draws), "grad_log_density");
      std::vector<double> numbers(lambda.size(), 0.0);
      if (family->entropy()) {
        family->add_entropy_gradient(numbers);
        numbers.push_back(*family->entropy());
      }
      std::vector<double> mean(static_cast<std::size_t>(dim()));
      std::vector<double> sd(static_cast<std::size_t>(dim()));
      family->moments(mean, sd);
      for (const std::vector<double>& values : {numbers, mean, sd, family->inverse_fisher_diagonal()}) {
        for (const double value : values) EXPECT_TRUE(std::isfinite(value)) << sign;
      }
    }
  }
}

std::vector<Case> cases(const std::vector<Index>& scales) {
  std::vector<Case> all;
  for (const Entry& entry : families::catalogue()) {
    for (const Index scale : scales) all.push_back({entry.name, scale});
  }
  return all;
}

std::string label(const testing::TestParamInfo<Case>& instance) { return instance.param.name + (instance.param.scale > 1 ? "_wide" : ""); }

// Six times the smoke dimension: panels, packs and their remainders.
INSTANTIATE_TEST_SUITE_P(Catalogue, FamilyConformance, testing::ValuesIn(cases({1, 6})), label);
INSTANTIATE_TEST_SUITE_P(Catalogue, SmallFamilyConformance, testing::ValuesIn(cases({1})), label);

}  // namespace
}  // namespace variscope
