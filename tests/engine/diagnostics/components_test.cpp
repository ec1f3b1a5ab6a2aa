/// Unbiased by enumeration, right on the conjugate normal mean, covered by its intervals; broken twins caught.
#include "engine/diagnostics/components.hpp"

#include <gtest/gtest.h>

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <stdexcept>

#include "engine/data/minibatch.hpp"
#include "engine/random/stream.hpp"
#include "tests/engine/diagnostics/population.hpp"
#include "tests/engine/diagnostics/samples.hpp"

namespace variscope::diagnostics {
namespace {

using testing::Population;
using testing::Rows;

const std::vector<Block> one_block = {{"all", {0, 1}}};
const std::vector<double> no_floor(1, 0.0);

std::size_t size(Index value) { return static_cast<std::size_t>(value); }

/// Exact expectations of the estimated components over all designs of K minibatches and L sample sets.
Components expected(const Population& population, const Setting& s, RowPolicy rows, Index k_count, Index l_count, RowPolicy converted_as) {
  const Rows all = testing::all_rows(population.rows());
  const auto batches = rows == RowPolicy::with_replacement ? testing::sequences(all.size(), size(s.batch_rows))
                                                           : testing::subsets(all, s.batch_rows > 0 ? size(s.batch_rows) : all.size());
  const auto designs = testing::product(std::vector<std::vector<Rows>>(size(k_count), batches));
  Components mean{0, 0, 0};
  testing::every_noise(population, size(l_count), size(s.samples), false, s.own_noise_per_row,
                       [&](double probability, const testing::Noise& eps) {
                         for (const auto& design : designs) {
                           std::vector<double> gradients;
                           for (const Rows& batch : design) {
                             for (const auto& samples : eps) {
                               gradients.push_back(testing::estimate_of(population, batch, samples));
                             }
                           }
                           ComponentMoments moments;
                           moments.resize(1, 1, 1, k_count, l_count);
                           add_design(moments, 0, one_block, gradients);
                           const ComponentStatistics c = component_statistics(moments, one_block, s, converted_as, no_floor)[0];
                           const double weight = probability / static_cast<double>(designs.size());
                           mean.monte_carlo += weight * c.monte_carlo.value;
                           mean.data += weight * c.data.value;
                           mean.interaction += weight * c.interaction.value;
                         }
                       });
  return mean;
}

void expect_components(const Components& estimate, const Components& truth) {
  const double scale = truth.monte_carlo + truth.data + truth.interaction;
  EXPECT_NEAR(estimate.monte_carlo, truth.monte_carlo, 1e-12 * scale);
  EXPECT_NEAR(estimate.data, truth.data, 1e-12 * scale);
  EXPECT_NEAR(estimate.interaction, truth.interaction, 1e-12 * scale);
}

TEST(Components, UnbiasedByEnumeration) {
  struct Case {
    Setting setting;
    Index k_count;
    Index l_count;
  };
  const Case cases[] = {{{4, 1, 2, 1}, 2, 2}, {{4, 2, 2, 1}, 2, 2}, {{4, 1, 3, 1}, 3, 2}, {{3, 1, 1, 1}, 2, 3}};
  std::uint64_t seed = 81;
  for (const Case& c : cases) {
    const Population population = testing::arbitrary_population(size(c.setting.rows), 3, seed++);
    const Components truth = testing::components_of(population, testing::all_rows(population.rows()));
    for (const RowPolicy rows : {RowPolicy::without_replacement, RowPolicy::with_replacement}) {
      if (rows == RowPolicy::with_replacement && c.k_count * c.setting.batch_rows > 4) {
        continue;
      }
      expect_components(expected(population, c.setting, rows, c.k_count, c.l_count, rows), truth);
    }
    // The twin without correction.
    const Components broken =
        expected(population, c.setting, RowPolicy::without_replacement, c.k_count, c.l_count, RowPolicy::with_replacement);
    if (c.setting.batch_rows > 1) {
      EXPECT_LT(broken.data, 0.7 * truth.data);
      EXPECT_LT(broken.interaction, 0.7 * truth.interaction);
    }
    EXPECT_NEAR(broken.monte_carlo, truth.monte_carlo, 1e-11);
  }
}

TEST(Components, OwnNoisePerRowGivesTheSum) {
  const Population population = testing::arbitrary_population(3, 2, 91);
  const Components truth = testing::components_of(population, testing::all_rows(3));
  const Setting s{3, 1, 2, 1, true};
  for (const RowPolicy rows : {RowPolicy::without_replacement, RowPolicy::with_replacement}) {
    expect_components(expected(population, s, rows, 2, 2, rows), {truth.monte_carlo + truth.interaction, truth.data, 0});
  }
}

TEST(Components, AllRowsTellMonteCarloNoiseAlone) {
  const Population population = testing::arbitrary_population(3, 3, 92);
  const Components truth = testing::components_of(population, testing::all_rows(3));
  const Setting s{3, 2, 0, 1};
  expect_components(expected(population, s, RowPolicy::without_replacement, 1, 2, RowPolicy::without_replacement),
                    {truth.monte_carlo, 0, 0});
  expect_components(expected(population, s, RowPolicy::without_replacement, 2, 2, RowPolicy::without_replacement),
                    {truth.monte_carlo, 0, 0});
  ComponentMoments moments;
  moments.resize(1, 1, 1, 1, 2);
  add_design(moments, 0, one_block, std::vector<double>{1, 3});
  const ComponentStatistics c = component_statistics(moments, one_block, s, RowPolicy::without_replacement, no_floor)[0];
  EXPECT_DOUBLE_EQ(c.monte_carlo.value, 2 * 2);
  EXPECT_TRUE(c.data.without.empty());
  EXPECT_FALSE(component_estimates(c).interaction.defined());
  // One minibatch does not tell what is whose.
  const ComponentStatistics partial = component_statistics(moments, one_block, {3, 2, 2, 1}, RowPolicy::without_replacement, no_floor)[0];
  EXPECT_FALSE(component_estimates(partial).monte_carlo.defined());
}

TEST(Components, MeanSquaresByHand) {
  // Rows (minibatches) 1 3 / 5 11: means 2 8, columns 3 7, all 5; rest +-1.
  ComponentMoments moments;
  moments.resize(2, 1, 1, 2, 2);
  add_design(moments, 1, one_block, std::vector<double>{1, 3, 5, 11});
  EXPECT_DOUBLE_EQ(moments.count[1], 1);
  EXPECT_DOUBLE_EQ(moments.mean_square_rows[1], 2 * (9 + 9));
  EXPECT_DOUBLE_EQ(moments.mean_square_noise[1], 2 * (4 + 4));
  EXPECT_DOUBLE_EQ(moments.mean_square_interaction[1], 4);
  EXPECT_DOUBLE_EQ(moments.trace_square_rows[1], 36 * 36);
  EXPECT_EQ(moments.mean_square_rows[0], 0);
  EXPECT_THROW(add_design(moments, 0, one_block, std::vector<double>{1, 2, 3}), std::invalid_argument);
}

/// y_n ~ N(z, 1), z ~ N(0, 1), q the exact posterior: terms of the mean and the log scale (worked out by hand).
struct NormalMean {
  std::vector<double> y;
  double mean = 0;  ///< of the posterior
  double scale = 1;
  double variance = 0;  ///< V of y, 1/N

  explicit NormalMean(Index rows) {
    const random::Stream stream{5, random::Purpose::testing, 1, 0, 0};
    const auto n = static_cast<double>(rows);
    double sum = 0;
    double square = 0;
    for (Index i = 0; i < rows; ++i) {
      y.push_back(0.7 + random::normal(stream, static_cast<std::uint32_t>(i)));
      sum += y.back();
      square += y.back() * y.back();
    }
    mean = sum / (n + 1);
    scale = 1 / std::sqrt(n + 1);
    variance = square / n - sum * sum / (n * n);
  }

  /// Pathwise gradient with closed-form entropy: (mean, log scale).
  void gradient(const std::vector<Index>& rows, const std::vector<double>& eps, double* out) const {
    const auto n = static_cast<double>(y.size());
    out[0] = out[1] = 0;
    const auto count = static_cast<double>(rows.size() * eps.size());
    for (const double e : eps) {
      const double z = mean + scale * e;
      for (const Index row : rows) {
        const double g = -z + n * (y[size(row)] - z);
        out[0] += g / count;
        out[1] += (scale * e * g + 1) / count;
      }
    }
  }
};

ComponentMoments designs_of(const NormalMean& model, Index samples, Index batch_rows, Index k_count, Index l_count, Index designs,
                            Index batches, bool swapped) {
  const std::vector<Block> blocks = {{"mean", {0, 1}}, {"log_scale", {1, 2}}};
  ComponentMoments moments;
  moments.resize(batches, 2, 2, k_count, l_count);
  std::vector<double> gradients(size(k_count * l_count * 2));
  for (Index d = 0; d < designs; ++d) {
    const auto design = static_cast<std::uint32_t>(d);
    for (Index k = 0; k < k_count; ++k) {
      const random::Stream row_stream{7, random::Purpose::testing, 2, design, static_cast<std::uint32_t>(k)};
      const auto rows = data::draw_minibatch(row_stream, static_cast<Index>(model.y.size()), batch_rows, data::Replacement::without);
      for (Index l = 0; l < l_count; ++l) {
        const random::Stream noise{7, random::Purpose::testing, 3, design, static_cast<std::uint32_t>(l)};
        std::vector<double> eps;
        for (Index m = 0; m < samples; ++m) {
          eps.push_back(random::normal(noise, static_cast<std::uint32_t>(m)));
        }
        const Index place = swapped ? l * k_count + k : k * l_count + l;
        model.gradient(rows, eps, &gradients[size(2 * place)]);
      }
    }
    add_design(moments, d * batches / designs, blocks, gradients);
  }
  return moments;
}

double largest_z(const std::vector<ComponentStatistics>& statistics, const std::vector<Components>& truth) {
  double largest = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const ComponentEstimates e = component_estimates(statistics[i]);
    const double scale = truth[i].monte_carlo + truth[i].data + truth[i].interaction;
    const auto z = [&](const Estimate& estimate, double value) {
      // Exactly zero components are zero up to rounding of the others.
      const double error = std::max(std::isfinite(estimate.error) ? estimate.error : 0.0, 1e-13 * scale);
      largest = std::max(largest, std::abs(estimate.value - value) / error);
    };
    z(e.monte_carlo, truth[i].monte_carlo);
    z(e.data, truth[i].data);
    z(e.interaction, truth[i].interaction);
  }
  return largest;
}

TEST(Components, ConjugateNormalMean) {
  constexpr Index rows = 20;
  const NormalMean model(rows);
  const std::vector<Block> blocks = {{"mean", {0, 1}}, {"log_scale", {1, 2}}};
  const std::vector<double> floor(2, 0.0);
  const double data = rows * rows * model.variance;
  const std::vector<Components> truth = {{rows + 1, data, 0}, {2, 0, data * model.scale * model.scale}};
  const Setting s{rows, 3, 8, 1};
  const ComponentMoments moments = designs_of(model, s.samples, s.batch_rows, 6, 6, 600, 60, false);
  const auto statistics = component_statistics(moments, blocks, s, RowPolicy::without_replacement, floor);
  // Six comparisons of t with at least 30 degrees of freedom: false alarm once in a thousand.
  const double threshold = boost::math::quantile(boost::math::complement(boost::math::students_t(30), 0.001 / 6 / 2));
  EXPECT_LT(largest_z(statistics, truth), threshold);
  // Twins: no correction; minibatches and sample sets taken for each other.
  EXPECT_GT(largest_z(component_statistics(moments, blocks, s, RowPolicy::with_replacement, floor), truth), 2 * threshold);
  const ComponentMoments swapped = designs_of(model, s.samples, s.batch_rows, 6, 6, 600, 60, true);
  EXPECT_GT(largest_z(component_statistics(swapped, blocks, s, RowPolicy::without_replacement, floor), truth), 2 * threshold);
}

TEST(Components, SummaryOfTheNormalMean) {
  constexpr Index rows = 20;
  const NormalMean model(rows);
  const std::vector<Block> blocks = {{"mean", {0, 1}}, {"log_scale", {1, 2}}};
  const std::vector<double> floor(2, 0.0);
  const Setting s{rows, 3, 8, 1};
  const ComponentMoments moments = designs_of(model, s.samples, s.batch_rows, 6, 6, 240, 60, false);
  const ComponentSummary summary = summarise("pw_cfe", moments, blocks, s, RowPolicy::without_replacement, floor);
  ASSERT_EQ(summary.blocks.size(), 2);
  const ComponentEstimates& shares = summary.total.shares;
  EXPECT_NEAR(shares.monte_carlo.value + shares.data.value + shares.interaction.value, 1, 1e-12);
  const Components total = summary.total.statistics.values();
  EXPECT_NEAR(summary.total.variance.value, *predicted_variance(total, s, {}), 1e-12 * summary.total.variance.value);
  EXPECT_LE(summary.best.samples * summary.best.batch_rows, 24);
  EXPECT_NEAR(summary.best_variance.value, summary.best.variance, 1e-12 * summary.best.variance);
  EXPECT_LE(summary.best_ratio.value, 1);
  EXPECT_NEAR(summary.best_ratio.value, summary.best_variance.value / summary.total.variance.value, 1e-12);
  // Data noise dominates here: all rows, one sample.
  EXPECT_EQ(summary.best.batch_rows, rows);
  EXPECT_EQ(summary.best.samples, 1);
  // All three samples as one dependent set: the noise of a set, not of a sample.
  Setting pairs = s;
  pairs.samples = 1;
  const ComponentSummary in_sets = summarise("rloo", moments, blocks, pairs, RowPolicy::without_replacement, floor, 3);
  EXPECT_NEAR(in_sets.total.statistics.monte_carlo.value, total.monte_carlo / 3, 1e-12 * total.monte_carlo);
  EXPECT_EQ(in_sets.set_size, 3);
}

/// A crossed design of Gaussian effects with given traces, coordinates equicorrelated.
struct Effects {
  double noise, rows, interaction;
};

ComponentMoments gather_designs(testing::Engine& engine, const Effects& sd, const testing::Draw& draw, Index dim, Index k_count,
                                Index l_count, Index designs, Index batches) {
  const std::vector<Block> blocks = {{"all", {0, dim}}};
  const std::size_t d = size(dim);
  ComponentMoments moments;
  moments.resize(batches, dim, 1, k_count, l_count);
  std::vector<double> gradients(size(k_count * l_count) * d);
  std::vector<double> effect(d);
  for (Index i = 0; i < designs; ++i) {
    for (double& g : gradients) {
      g = 0;
    }
    for (std::size_t k = 0; k < size(k_count); ++k) {
      draw(engine, effect);
      for (std::size_t l = 0; l < size(l_count); ++l) {
        for (std::size_t p = 0; p < d; ++p) {
          gradients[(k * size(l_count) + l) * d + p] += sd.rows * effect[p];
        }
      }
    }
    for (std::size_t l = 0; l < size(l_count); ++l) {
      draw(engine, effect);
      for (std::size_t k = 0; k < size(k_count); ++k) {
        for (std::size_t p = 0; p < d; ++p) {
          gradients[(k * size(l_count) + l) * d + p] += sd.noise * effect[p];
        }
      }
    }
    for (std::size_t cell = 0; cell < size(k_count * l_count); ++cell) {
      draw(engine, effect);
      for (std::size_t p = 0; p < d; ++p) {
        gradients[cell * d + p] += sd.interaction * effect[p];
      }
    }
    add_design(moments, i * batches / designs, blocks, gradients);
  }
  return moments;
}

struct Coverage {
  double covered = 0, marked = 0, misleading = 0, total = 0;
  void add(const Estimate& e, double truth) {
    const bool inside = e.lower <= truth && truth <= e.upper;
    covered += inside;
    marked += !e.reliable();
    misleading += e.reliable() && !inside;
    total += 1;
  }
};

void expect_coverage(const Effects& sd, const testing::Draw& draw, Index dim, Index k_count, Index l_count, Index designs, Index batches,
                     std::uint64_t seed, double most_marked) {
  constexpr int repetitions = 800;
  testing::Engine engine(seed);
  Coverage all[3];
  const std::vector<Block> blocks = {{"all", {0, dim}}};
  const std::vector<double> floor(size(dim), 0.0);
  const Setting s{1000, 1, 1, 1};
  for (int i = 0; i < repetitions; ++i) {
    const ComponentMoments moments = gather_designs(engine, sd, draw, dim, k_count, l_count, designs, batches);
    const ComponentEstimates e = component_estimates(component_statistics(moments, blocks, s, RowPolicy::with_replacement, floor)[0]);
    const auto d = static_cast<double>(dim);
    all[0].add(e.monte_carlo, d * sd.noise * sd.noise);
    all[1].add(e.data, d * sd.rows * sd.rows);
    all[2].add(e.interaction, d * sd.interaction * sd.interaction);
  }
  const double error = std::sqrt(0.05 * 0.95 / repetitions);  // 0.8 %
  for (const Coverage& c : all) {
    SCOPED_TRACE(::testing::Message() << "component " << &c - all << " designs " << designs << " batches " << batches << " K " << k_count
                                      << " covered " << c.covered / c.total << " marked " << c.marked / c.total << " misleading "
                                      << c.misleading / c.total);
    EXPECT_GE(c.covered / c.total, 0.92 - 2 * error);
    EXPECT_LE(c.covered / c.total, 0.98 + 2 * error);
    EXPECT_LE(c.misleading / c.total, 0.08 + 2 * error);
    EXPECT_LE(c.marked / c.total, most_marked);
  }
}

TEST(ComponentCoverage, GaussianEffects) {
  expect_coverage({1, 1, 1}, testing::equicorrelated(0.5), 6, 6, 6, 128, 64, 1101, 0.15);
  expect_coverage({1, 1, 1}, testing::equicorrelated(0.5), 6, 4, 4, 64, 32, 1102, 0.50);
  expect_coverage({1, 0.05, 3}, testing::gaussian(), 6, 6, 6, 128, 32, 1103, 0.15);
  expect_coverage({0, 1, 0.3}, testing::autoregressive(0.9), 6, 6, 6, 128, 128, 1104, 0.15);
}

TEST(ComponentCoverage, OneParameter) {
  expect_coverage({1, 1, 1}, testing::gaussian(), 1, 4, 4, 128, 32, 1111, 0.45);
  expect_coverage({1, 0, 1}, testing::gaussian(), 1, 4, 4, 128, 128, 1112, 0.45);
}

/// Heavy tails: an unmarked interval that misses is as rare as where all is well.
TEST(ComponentCoverage, HeavyTailsAreMarkedOrCovered) {
  constexpr int repetitions = 400;
  const double error = std::sqrt(0.05 * 0.95 / repetitions);  // 1.1 %
  const std::vector<Block> blocks = {{"all", {0, 4}}};
  const std::vector<double> floor(4, 0.0);
  std::uint64_t seed = 1121;
  for (const testing::Draw& draw : {testing::student(3, true), testing::student(3, false), testing::log_normal_weighted(1.0)}) {
    for (const Index batches : {Index{32}, Index{128}}) {
      testing::Engine engine(seed++);
      Coverage all[3];
      for (int i = 0; i < repetitions; ++i) {
        const ComponentMoments moments = gather_designs(engine, {1, 1, 1}, draw, 4, 6, 6, 128, batches);
        const ComponentEstimates e =
            component_estimates(component_statistics(moments, blocks, {1000, 1, 1, 1}, RowPolicy::with_replacement, floor)[0]);
        all[0].add(e.monte_carlo, 4);
        all[1].add(e.data, 4);
        all[2].add(e.interaction, 4);
      }
      for (const Coverage& c : all) {
        SCOPED_TRACE(::testing::Message() << "component " << &c - all << " batches " << batches << " covered " << c.covered / c.total
                                          << " marked " << c.marked / c.total << " misleading " << c.misleading / c.total);
        EXPECT_LE(c.misleading / c.total, 0.08 + 2 * error);
        EXPECT_GE(c.marked / c.total, 0.5);
      }
    }
  }
}

}  // namespace
}  // namespace variscope::diagnostics
