/// Diagnostics of chains against the R package posterior, exact figures of autoregressions, broken twins, threads.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/diagnostics/autocovariance.hpp"
#include "engine/diagnostics/chain_errors.hpp"
#include "engine/diagnostics/chain_summary.hpp"
#include "engine/diagnostics/effective_size.hpp"
#include "engine/diagnostics/energy.hpp"
#include "engine/diagnostics/ranks.hpp"
#include "engine/diagnostics/rhat.hpp"
#include "engine/random/stream.hpp"
#include "tests/engine/diagnostics/chains_reference.hpp"

namespace variscope::diagnostics {
namespace {

using testing::kInfinity;
using testing::kNaN;

std::vector<double> autoregression(std::vector<double> u, int draws, double phi) {
  for (std::size_t i = 0; i < u.size(); ++i) {
    u[i] -= 0.5;
    if (i % static_cast<std::size_t>(draws) != 0) u[i] = phi * u[i - 1] + u[i];
  }
  return u;
}

/// The draws of chains_reference.R, in the same operations.
std::vector<double> make(const std::string& kind, int chains, int draws, int seed) {
  std::vector<double> u;
  std::int64_t state = seed;
  for (int i = 0; i < chains * draws; ++i) {
    state = state * 16807 % 2147483647;
    u.push_back(static_cast<double>(state) / 2147483647);
  }
  if (kind == "ar") return autoregression(u, draws, 0.9);
  if (kind == "antithetic") return autoregression(u, draws, -0.7);
  for (int c = 0; c < chains; ++c) {
    for (int i = 0; i < draws; ++i) {
      double& x = u[static_cast<std::size_t>(c) * static_cast<std::size_t>(draws) + static_cast<std::size_t>(i)];
      if (kind == "alternating") x = (x - 0.5) / 64 + (i % 2 == 0 ? 1 : -1);
      if (kind == "cauchy") x = std::tan(3.141592653589793 * (x - 0.5));
      if (kind == "shifted") x += c == 0 ? 0.5 : 0;
      if (kind == "scaled") x = (x - 0.5) * (c == 0 ? 4 : 1);
      if (kind == "ties") x = std::floor(5 * x);
      if (kind == "constant") x = 0.1;
      if (kind == "stuck") x = 0.5 * (c + 1);
      if (kind == "tiny") x = x / 1180591620717411303424.0;
      if (kind == "half_infinite" && x > 0.3) x = kInfinity;
    }
  }
  if (kind == "nan") u[1] = kNaN;
  if (kind == "infinite") {
    u[1] = kInfinity;
    u[static_cast<std::size_t>(draws) + 2] = -kInfinity;
  }
  return u;
}

std::array<double, 24> figures_of(const ChainDraws& x, const std::string& kind) {
  const SplitChains split(x);
  const Rhat rhat = rank_rhat(x);
  const SortedDraws sorted(x);
  const bool energetic = x.draws > 1 && kind != "constant" && kind != "stuck";
  const std::vector<double> correlation = std::isfinite(mean_of(x.chain(0))) ? autocorrelation(x.chain(0)) : std::vector<double>(99, kNaN);
  return {basic_rhat(x),
          basic_rhat(split.view()),
          rhat.bulk,
          rhat.folded,
          rhat.value(),
          effective_size(x),
          mean_effective_size(x),
          deviation_effective_size(x),
          bulk_effective_size(x),
          tail_effective_size(x),
          quantile_effective_size(x, 0),
          quantile_effective_size(x, 0.1),
          quantile_effective_size(x, 0.5),
          quantile_effective_size(x, 1),
          mean_error(x),
          deviation_error(x),
          quantile_error(x, 0.05),
          quantile_error(x, 0.5),
          quantile_error(x, 0.95),
          sorted.quantile(0.1),
          x.chains % 2 == 0 ? nested_rhat(x, 2) : kNaN,
          energetic ? energy_fraction(x.chain(0)) : kNaN,
          x.draws > 3 ? correlation[1] : kNaN,
          x.draws > 3 ? correlation[3] : kNaN};
}

TEST(Chains, AgreeWithPosterior) {
  for (const auto& reference : testing::kChainsReferences) {
    const auto values = make(reference.kind, reference.chains, reference.draws, reference.seed);
    const auto found = figures_of({values, reference.chains, reference.draws}, reference.kind);
    for (std::size_t i = 0; i < found.size(); ++i) {
      SCOPED_TRACE(std::string(reference.kind) + " " + std::to_string(reference.chains) + " x " + std::to_string(reference.draws) + ": " +
                   testing::kChainFigures[i]);
      const double expected = reference.figures[i];
      if (std::isnan(expected)) {
        EXPECT_TRUE(std::isnan(found[i])) << found[i];
      } else if (std::isinf(expected)) {
        EXPECT_GT(found[i], 1e12);
      } else {
        EXPECT_NEAR(found[i], expected, 1e-8 * std::abs(expected));
      }
    }
  }
}

/// Halves of one draw have no variance. (posterior 1.4.0 answers here by taking chains for draws.)
TEST(Chains, TwoOrThreeDrawsSayNothing) {
  for (const int draws : {2, 3}) {
    const auto values = make("uniform", 4, draws, 9);
    const ChainSummary s = summarize_chains(ChainDraws{values, 4, draws}, std::vector{0.5});
    for (const double figure : {s.rhat.value(), s.bulk_size, s.tail_size, s.mean.error, s.sd.error, s.quantiles[0].error})
      EXPECT_TRUE(std::isnan(figure)) << figure;
    EXPECT_TRUE(std::isfinite(s.mean.value) && std::isfinite(s.sd.value) && std::isfinite(s.quantiles[0].value));
  }
}

/// What is left out must show: unsplit chains miss a drift, unranked draws miss a heavy tail's centre, unfolded ones a scale.
TEST(Chains, BrokenTwinsAreTold) {
  int unsplit = 0;
  int unranked = 0;
  for (const auto& reference : testing::kChainsReferences) {
    const auto values = make(reference.kind, reference.chains, reference.draws, reference.seed);
    const ChainDraws x{values, reference.chains, reference.draws};
    const double expected = reference.figures[2];
    if (!(expected < 1e12)) continue;
    const SplitChains split(x);
    const auto other = [&](double twin) { return !(std::abs(twin - expected) <= 1e-8 * expected); };
    if (other(basic_rhat(split.view()))) ++unranked;
    // Ranks of whole chains: an even number of draws ranks alike, only the halves are missing.
    const SplitChains scored = SortedDraws(x).rank_normalised(NormalScores(split_draws(x)));
    if (scored.draws > 1 && other(basic_rhat({scored.values, scored.chains / 2, scored.draws * 2}))) ++unsplit;
  }
  EXPECT_GE(unranked, 25);
  EXPECT_GE(unsplit, 25);
  // Two chains that drift alike agree with each other, not with themselves.
  std::vector<double> drift = make("uniform", 2, 200, 5);
  for (std::size_t i = 0; i < drift.size(); ++i) drift[i] += 0.01 * static_cast<double>(i % 200);
  EXPECT_LT(basic_rhat({drift, 2, 200}), 1.01);
  EXPECT_GT(rank_rhat({drift, 2, 200}).value(), 1.5);
}

std::vector<double> normal_autoregression(std::uint32_t task, Index chains, Index draws, double phi) {
  std::vector<double> values;
  for (Index c = 0; c < chains; ++c) {
    const random::Stream stream{77, random::Purpose::testing, task, static_cast<std::uint32_t>(c), 0};
    double x = random::normal(stream, 0) / std::sqrt(1 - phi * phi);
    for (Index i = 0; i < draws; ++i) {
      values.push_back(x);
      x = phi * x + random::normal(stream, static_cast<std::uint32_t>(i + 1));
    }
  }
  return values;
}

/// An autoregression has the effective size S (1 - phi) / (1 + phi), known without any program.
TEST(Chains, EffectiveSizeOfAutoregressionsIsTheirs) {
  for (const double phi : {-0.5, 0.0, 0.5, 0.9}) {
    const auto values = normal_autoregression(1, 16, 4000, phi);
    const double exact = 64000 * (1 - phi) / (1 + phi);
    // Geyer's cut leaves a relative standard error of about sqrt(2 (2 T + 1) / S) with T = 4 correlation times of lags: below 4 % at 0.9.
    EXPECT_NEAR(mean_effective_size({values, 16, 4000}) / exact, 1, 0.15) << phi;
    EXPECT_NEAR(bulk_effective_size({values, 16, 4000}) / exact, 1, 0.15) << phi;
    EXPECT_NEAR(rank_rhat({values, 16, 4000}).value(), 1, 0.01) << phi;
  }
}

/// Over 400 repeats, errors that are right give squared z-scores of mean 1 with standard error 0.07; 5 of them: false alarms 6e-7.
TEST(Chains, ErrorsAreAsLongAsTheyShouldBe) {
  const double phi = 0.6;
  const double sd = 1 / std::sqrt(1 - phi * phi);
  double mean = 0;
  double deviation = 0;
  double quantile = 0;
  double independent = 0;
  const int repeats = 400;
  for (int k = 0; k < repeats; ++k) {
    const auto values = normal_autoregression(static_cast<std::uint32_t>(k + 10), 4, 500, phi);
    const double p = 0.9;
    const ChainSummary s = summarize_chains(ChainDraws{values, 4, 500}, std::vector{p});
    mean += std::pow(s.mean.value / s.mean.error, 2) / repeats;
    deviation += std::pow((s.sd.value - sd) / s.sd.error, 2) / repeats;
    quantile += std::pow((s.quantiles[0].value - 1.2815515655446004 * sd) / s.quantiles[0].error, 2) / repeats;
    independent += std::pow(s.mean.value / (s.sd.value / std::sqrt(2000.0)), 2) / repeats;
  }
  // Estimated effective sizes add noise of their own to the quotients.
  EXPECT_NEAR(mean, 1, 0.4);
  EXPECT_NEAR(deviation, 1, 0.4);
  EXPECT_NEAR(quantile, 1, 0.4);
  EXPECT_GT(independent, 3);  // the broken twin: draws taken for independent ones, 4 times too many
}

/// Sums of products, transforms, and the definition.
TEST(Chains, AutocovarianceIsItsDefinition) {
  const Index draws = 700;
  const auto values = normal_autoregression(6, 3, draws, 0.95);
  const ChainDraws x{values, 3, draws};
  const auto transformed = mean_autocovariance(x);
  LazyAutocovariance lazy(x);
  for (Index lag = 0; lag < draws; lag += lag < 20 ? 1 : 23) {
    double exact = 0;
    for (Index c = 0; c < 3; ++c) {
      const auto chain = x.chain(c);
      double mean = 0;
      for (const double v : chain) mean += v / static_cast<double>(draws);
      for (std::size_t i = 0; i + static_cast<std::size_t>(lag) < chain.size(); ++i)
        exact += (chain[i] - mean) * (chain[i + static_cast<std::size_t>(lag)] - mean) / static_cast<double>(3 * draws);
    }
    EXPECT_NEAR(transformed[static_cast<std::size_t>(lag)], exact, 1e-12 * transformed[0]) << lag;
    EXPECT_NEAR(lazy(lag), exact, 1e-12 * transformed[0]) << lag;
  }
}

TEST(Chains, NestedRhatOfSingleDrawsIsAtItsFloor) {
  // 50 superchains of 8 chains, one draw each, all from one distribution: E B = W / 8.
  const auto values = normal_autoregression(2, 400, 1, 0);
  EXPECT_NEAR(nested_rhat({values, 400, 1}, 50), std::sqrt(1 + 1.0 / 8), 0.05);
  auto apart = values;
  for (std::size_t c = 0; c < 8; ++c) apart[c] += 20;
  EXPECT_GT(nested_rhat({apart, 400, 1}, 50), 1.5);
  EXPECT_THROW((void)nested_rhat({values, 400, 1}, 3), std::invalid_argument);
  EXPECT_THROW((void)nested_rhat({values, 400, 1}, 1), std::invalid_argument);
}

TEST(Chains, EnergyFractionOfAnAutoregression) {
  // E (E_i - E_{i-1})^2 / Var E = 2 (1 - phi).
  EXPECT_NEAR(energy_fraction(normal_autoregression(3, 1, 100000, 0)), 2, 0.03);
  EXPECT_NEAR(energy_fraction(normal_autoregression(4, 1, 100000, 0.95)), 0.1, 0.01);
  EXPECT_TRUE(std::isnan(energy_fraction(std::vector<double>{1.0})));
}

/// Large enough for the radix sort, with ties, both signs and both zeros.
TEST(Chains, LargeSortsKeepTiesTogether) {
  std::vector<double> values = normal_autoregression(5, 8, 5000, 0.3);
  for (double& x : values) x = std::round(x * 50) / 50;
  values[17] = -0.0;
  values[18] = 0.0;
  const ChainDraws x{values, 8, 5000};
  const SortedDraws sorted(x);
  auto expected = values;
  std::sort(expected.begin(), expected.end());
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(sorted.at(static_cast<Index>(i + 1)), expected[i]);
  const NormalScores scores(split_draws(x));
  const SplitChains z = sorted.rank_normalised(scores);
  EXPECT_EQ(z.values[17], z.values[18]);
  double sum = 0;
  for (std::size_t i = 0; i < z.values.size(); ++i) {
    const auto first = std::lower_bound(expected.begin(), expected.end(), values[i]) - expected.begin();
    const auto last = std::upper_bound(expected.begin(), expected.end(), values[i]) - expected.begin();
    ASSERT_EQ(z.values[i], scores.of_twice(first + last + 1));
    sum += z.values[i];
  }
  EXPECT_NEAR(sum, 0, 1);
  EXPECT_EQ(scores.of_twice(2), -scores.of_twice(80000));
}

TEST(Chains, ThreadsAndNeighboursChangeNoBit) {
  std::vector<double> values;
  for (std::uint32_t v = 0; v < 9; ++v) {
    const auto more = normal_autoregression(20 + v, 4, 101, 0.1 * v);
    values.insert(values.end(), more.begin(), more.end());
  }
  const std::vector<double> probabilities{0.05, 0.5, 0.95};
  const auto one = summarize_chains(values, 9, 4, 101, probabilities, 1);
  const auto two = summarize_chains(values, 9, 4, 101, probabilities, 2);
  for (std::size_t v = 0; v < 9; ++v) {
    const ChainDraws x{std::span(values).subspan(v * 404, 404), 4, 101};
    const ChainSummary alone = summarize_chains(x, probabilities);
    for (const auto* other : {&two[v], &alone}) {
      EXPECT_EQ(one[v].bulk_size, other->bulk_size);
      EXPECT_EQ(one[v].tail_size, other->tail_size);
      EXPECT_EQ(one[v].rhat.value(), other->rhat.value());
      EXPECT_EQ(one[v].sd.error, other->sd.error);
      EXPECT_EQ(one[v].quantiles[1].error, other->quantiles[1].error);
    }
    EXPECT_EQ(alone.bulk_size, bulk_effective_size(x));
    EXPECT_EQ(alone.tail_size, tail_effective_size(x));
    EXPECT_EQ(alone.mean.error, mean_error(x));
    EXPECT_EQ(alone.sd.error, deviation_error(x));
    EXPECT_EQ(alone.quantiles[2].error, quantile_error(x, 0.95));
    EXPECT_EQ(alone.rhat.folded, rank_rhat(x).folded);
    EXPECT_EQ(alone.sd.effective_size, deviation_effective_size(x));
  }
}

}  // namespace
}  // namespace variscope::diagnostics
