/// Predictions on a study whose components are known: what T2 and T3 are made of, and a policy that is not kept.
#include "experiments/report/predictions.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/diagnostics/comparison.hpp"
#include "experiments/report/figures.hpp"
#include "experiments/report/render.hpp"
#include "experiments/report/t3.hpp"
#include "experiments/report/tables.hpp"
#include "tests/experiments/report/crossed_study.hpp"

namespace variscope::experiments {
namespace {

using diagnostics::Agreement;
using diagnostics::ComponentSummary;
using Sizes = testing::CrossedStudy::Sizes;

const ReportContext context{"crossed", "hash", "0.1"};

/// Designs at M = 4, B = 10; other M and B; replicas under three policies.
std::vector<CellRecord> study(const std::string& cheat = "") {
  testing::CrossedStudy source;
  std::vector<CellRecord> cells;
  const auto add = [&](const Sizes& sizes) { cells.push_back(source.cell(static_cast<Index>(cells.size()), sizes)); };
  add({.designs = 256});
  add({.samples = 16});
  add({.batch_rows = 30});
  add({.replicas = 2});
  add({.replicas = 4, .cheat = cheat});
  add({.replicas = 4, .noise_policy = "shared"});
  add({.replicas = 4, .row_policy = "disjoint"});
  return cells;
}

TEST(Predictions, ComponentsAreThoseOfTheStudy) {
  const std::vector<CellRecord> cells = study();
  const Predictions found = predict(summarise_cells(cells, context));
  ASSERT_EQ(found.components.size(), 2U);  // points of the one cell with designs
  constexpr double parameters = 2 * testing::CrossedStudy::dim;
  const ComponentSummary& plain = found.components[0].estimators.at(0);
  const ComponentSummary& pairs = found.components[0].estimators.at(1);
  EXPECT_EQ(plain.estimator, "pw_cfe");
  EXPECT_EQ(plain.set_size, 1);
  EXPECT_EQ(pairs.set_size, 2);
  // Of a pair whose noises correlate by -0.8: (1 - 0.8) / 2 of a sample's.
  for (const auto& [summary, share] : {std::pair{&plain, 1.0}, {&pairs, 0.1}}) {
    const auto& estimates = summary->total.estimates;
    // 3.9 standard errors: a false alarm in 10^4, six tests.
    EXPECT_NEAR(estimates.monte_carlo.value, share * parameters * 4.0, 3.9 * estimates.monte_carlo.error);
    EXPECT_NEAR(estimates.data.value, parameters * 9.0, 3.9 * estimates.data.error);
    EXPECT_NEAR(estimates.interaction.value, share * parameters * 2.25, 3.9 * estimates.interaction.error);
  }
}

TEST(Predictions, EveryCellOfThePathIsCompared) {
  const std::vector<CellRecord> cells = study();
  const Predictions found = predict(summarise_cells(cells, context));
  Index checks = 0;
  for (const ComponentPoint& point : found.components) {
    for (const ComponentSummary& e : point.estimators) {
      EXPECT_EQ(e.checks.size(), cells.size());
      for (const auto& check : e.checks) {
        ++checks;
        EXPECT_NE(check.comparison.agreement, Agreement::above);
        EXPECT_NE(check.comparison.agreement, Agreement::below);
      }
    }
  }
  ASSERT_EQ(found.scaling.size(), 2U);  // points of the one group that differs in replicas: M = 4, B = 10
  EXPECT_EQ(found.scaling[0].cells.size(), 5U);
  for (const ScalingSection& section : found.scaling) {
    ASSERT_EQ(section.estimators.size(), 2U);
    for (const auto& summary : section.estimators) {
      ASSERT_EQ(summary.points.size(), 5U);
      checks += 5;
      EXPECT_NEAR(summary.points[1].ratio.value, 1.0, 0.15);
      EXPECT_GT(summary.points[3].ratio.value, 1.3);  // shared noise pays less
      EXPECT_LT(summary.points[4].ratio.value, 0.9);  // disjoint rows pay more
    }
  }
  EXPECT_EQ(found.comparisons, checks);
}

TEST(Predictions, ReplicasThatSecretlyShareTheirNoiseAreCaught) {
  const std::vector<CellRecord> cells = study("shared");
  const Predictions found = predict(summarise_cells(cells, context));
  int caught = 0;
  for (const ComponentPoint& point : found.components) {
    for (const ComponentSummary& e : point.estimators) {
      const auto& comparison = e.checks.at(4).comparison;
      caught += comparison.agreement == Agreement::above ? 1 : 0;
      EXPECT_GT(comparison.z, comparison.threshold);
    }
  }
  EXPECT_GE(caught, 1);  // where intervals are trusted
}

/// tr Var of the mean over R = 4 replicas, M = 2, B = 10, each with its 15 rows: strata, by the definition of the study's effects.
double of_shards(const testing::CrossedStudy& source, bool shared) {
  using Study = testing::CrossedStudy;
  constexpr double f = (15.0 - 10) / (15 - 1);
  double sum = shared ? 16 * Study::noise * Study::noise / 2 : 0.0;
  for (Index r = 0; r < 4; ++r) {
    double mean = 0;
    for (Index n = 15 * r; n < 15 * (r + 1); ++n) mean += source.effect(n) / 15;
    const double within = 1 - mean * mean;
    const double own = Study::noise * Study::noise + Study::interaction * Study::interaction * mean * mean;
    sum += (shared ? 0.0 : own / 2) + (Study::data * Study::data + Study::interaction * Study::interaction / 2) * within * f / 10;
  }
  return 2 * Study::dim * sum / 16;
}

TEST(Predictions, ShardsOfRowsInOrderAgreeWithTheirOwnComponents) {
  testing::CrossedStudy source(true, 6);
  std::vector<CellRecord> cells;
  const auto add = [&](const Sizes& sizes) { cells.push_back(source.cell(static_cast<Index>(cells.size()), sizes)); };
  add({.samples = 2, .designs = 512});
  add({.samples = 2, .replicas = 4, .row_policy = "shards", .designs = 512});
  add({.samples = 2, .replicas = 4, .noise_policy = "shared", .row_policy = "shards", .designs = 512});
  // Without designs of their own: predicted from those of the cells before. One of them keeps another policy than it declares.
  add({.samples = 2, .replicas = 4, .row_policy = "shards", .cheat = "shared"});
  const Predictions found = predict(summarise_cells(cells, context));
  int caught = 0;
  for (const ScalingSection& section : found.scaling) {
    for (const auto& summary : section.estimators) {
      ASSERT_EQ(summary.points.size(), 4U);
      for (std::size_t i = 1; i < 4; ++i) {
        const diagnostics::Check& check = summary.points[i].check;
        EXPECT_TRUE(check.strata);
        EXPECT_TRUE(check.judged());
        const bool shared = check.policy.noise == diagnostics::NoisePolicy::shared;
        if (summary.estimator == "pw_cfe") {
          const double truth = of_shards(source, shared);
          EXPECT_NEAR(check.comparison.predicted.value, truth, 3.9 * check.comparison.predicted.error);
        }
        if (i < 3) {
          EXPECT_LT(std::abs(check.comparison.z), check.comparison.threshold);
        } else {
          EXPECT_GT(check.comparison.z, check.comparison.threshold);
          caught += check.comparison.agreement == Agreement::above ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GE(caught, 1);  // where intervals are trusted
  const std::string text = render_text(t3(found.scaling, context));
  EXPECT_EQ(text.find("(shards)"), std::string::npos);
  // One section a point and noise policy (this source draws anew for each), four shards of two estimators; of the two shards that are all
  // of one effect no data noise, of the others 96 % of the population's.
  ASSERT_EQ(found.shards.size(), 4U);
  const ShardPoint& shards = found.shards.front();
  ASSERT_EQ(shards.shards.size(), 8U);
  for (std::size_t r = 0; r < 4; ++r) {
    const ShardComponents& shard = shards.shards[r];
    EXPECT_EQ(shard.rows, balanced_range(testing::CrossedStudy::rows, 4, static_cast<Index>(r)));
    const double truth = r % 2 == 0 ? 2 * testing::CrossedStudy::dim * 9.0 * 0.96 : 0.0;
    // No spread, no error.
    const double error = truth > 0 ? 3.9 * shard.estimates.data.error : 1e-9;
    EXPECT_NEAR(shard.estimates.data.value, truth, error);
  }
  EXPECT_NE(render_text(t2_shards(found.shards, context)).find("shard 1, rows 15 to 29"), std::string::npos);
  for (const ComponentPoint& point : found.components) {
    for (const ComponentSummary& summary : point.estimators) {
      for (const auto& check : summary.checks) EXPECT_TRUE(check.judged());
    }
  }
}

TEST(Predictions, ShardsWithoutComponentsOfTheirOwnAreNoVerdictOnStreams) {
  testing::CrossedStudy source(true);
  std::vector<CellRecord> cells;
  const auto add = [&](const Sizes& sizes) { cells.push_back(source.cell(static_cast<Index>(cells.size()), sizes)); };
  add({.designs = 1024});
  add({.samples = 2});
  add({.samples = 2, .replicas = 4, .row_policy = "disjoint"});
  add({.samples = 2, .replicas = 4, .row_policy = "shards"});
  // All rows of a shard have the same effect: (s2_e + s2_ed) / 8 is left, and of rows dealt at random f = (60 - 40) / 59, f(10) = 50 / 59
  // would leave s2_e / 8 + s2_d f / 40 + s2_ed f(10) / 80.
  constexpr double e = 4.0;
  constexpr double d = 9.0;
  constexpr double ed = 2.25;
  constexpr double truth = 4 * (e + ed) / 8;
  constexpr double dealt = 4 * (e / 8 + d * 20 / 59 / 40 + ed * 50 / 59 / 80);
  const Predictions found = predict(summarise_cells(cells, context));
  Index judged = 0;
  int called = 0;
  for (const ScalingSection& section : found.scaling) {
    const diagnostics::ScalingSummary& plain = section.estimators.at(0);
    ASSERT_EQ(plain.points.size(), 3U);
    const diagnostics::Check& disjoint = plain.points[1].check;
    const diagnostics::Check& shards = plain.points[2].check;
    // 3.9 standard errors: a false alarm in 10^4.
    EXPECT_NEAR(shards.comparison.measured.value, truth, 3.9 * shards.comparison.measured.error);
    EXPECT_NEAR(shards.comparison.predicted.value, dealt, 3.9 * shards.comparison.predicted.error);
    EXPECT_GT(shards.comparison.z, shards.comparison.threshold);
    EXPECT_LT(std::abs(disjoint.comparison.z), disjoint.comparison.threshold);
    for (const auto& summary : section.estimators) {
      for (const auto& point : summary.points) judged += point.check.judged() ? 1 : 0;
      const diagnostics::Comparison& kept = summary.points[2].check.comparison;
      EXPECT_EQ(kept.agreement, Agreement::undecided);
      called += diagnostics::compare(kept.predicted, kept.measured, found.comparisons).agreement == Agreement::above ? 1 : 0;
    }
  }
  EXPECT_GE(called, 1);  // what would have been called a shared stream, where intervals are trusted
  for (const ComponentPoint& point : found.components) {
    for (const ComponentSummary& summary : point.estimators) {
      for (const auto& check : summary.checks) judged += check.judged() ? 1 : 0;
    }
  }
  EXPECT_EQ(found.comparisons, judged);
  EXPECT_NE(render_text(t3(found.scaling, context)).find(" (shards)"), std::string::npos);
}

TEST(Predictions, ANetToSplitIsOnlyForEstimatorsWithNets) {
  const std::vector<CellRecord> one = study();
  std::vector<CellRecord> cells = {one[0], one[4], one[4]};
  cells[2].id = "cell_009";
  cells[2].noise_policy = "split_net";
  for (auto& [key, value] : cells[2].settings) value = key == "estimators.noise_policy" ? "split_net" : value;
  Predictions found = predict(summarise_cells(cells, context));
  // The very same numbers stand there once, as what they are.
  for (const ScalingSection& section : found.scaling) {
    ASSERT_EQ(section.estimators.at(0).points.size(), 2U);
    EXPECT_EQ(section.estimators[0].points[1].check.policy.noise, diagnostics::NoisePolicy::independent);
  }
  EXPECT_EQ(found.components.at(0).estimators.at(0).checks.size(), 2U);
  // Alone, they are held against the prediction for noise of their own.
  cells.erase(cells.begin() + 1);
  found = predict(summarise_cells(cells, context));
  EXPECT_TRUE(found.scaling.at(0).estimators.at(0).points.at(1).check.judged());
  EXPECT_EQ(found.scaling[0].estimators[0].points[1].check.policy.noise, diagnostics::NoisePolicy::independent);
  // A net that is split has no prediction.
  for (CellRecord& cell : cells) {
    for (PointRecord& point : cell.points) point.estimators[0].name = "pw_rqmc";
  }
  found = predict(summarise_cells(cells, context));
  EXPECT_EQ(found.scaling.at(0).estimators.at(0).points.at(1).check.policy.noise, diagnostics::NoisePolicy::split_net);
  EXPECT_FALSE(found.scaling[0].estimators[0].points[1].check.judged());
}

TEST(Predictions, AnotherPathOrAFailedGateIsLeftOut) {
  std::vector<CellRecord> cells = study();
  cells[1].points[0].lambda[0] += 1e-12;
  cells[2].settings.emplace_back("path.steps", "7");
  for (auto& square : cells[0].points[1].estimators[1].moments.sum) square += 100;
  const Predictions found = predict(summarise_cells(cells, context));
  EXPECT_EQ(found.components[0].estimators.at(0).checks.size(), cells.size() - 2);
  EXPECT_EQ(found.components[1].estimators.size(), 1U);
  ASSERT_EQ(found.components[1].notes.size(), 1U);
  EXPECT_EQ(found.components[1].notes[0], "did not pass the bias gate: pw_antithetic");
}

TEST(Predictions, WithoutOneReplicaThereAreNoRatios) {
  std::vector<CellRecord> cells = study();
  cells.erase(cells.begin(), cells.begin() + 3);
  const Predictions found = predict(summarise_cells(cells, context));
  EXPECT_TRUE(found.components.empty());
  ASSERT_EQ(found.scaling.size(), 2U);
  EXPECT_FALSE(found.scaling[0].estimators.at(0).points.at(0).ratio.defined());
  EXPECT_EQ(found.scaling[0].notes.at(0).rfind("no cell with R = 1", 0), 0U);
}

TEST(Predictions, TablesAndFiguresAreThoseTheStudyHasDataFor) {
  const std::vector<CellRecord> cells = study();
  const std::vector<CellSummary> summaries = summarise_cells(cells, context);
  const Predictions found = predict(summaries);
  std::string names;
  for (const NamedTable& named : report_tables(summaries, found, context)) {
    names += named.name + " ";
    const Table brief = shortened(named.table, "x.txt");
    if (named.details) {
      EXPECT_LT(render_text(brief).size(), render_text(named.table).size()) << named.name;
    }
  }
  EXPECT_EQ(names, "t1 t2 t2_checks t3 ");
  names.clear();
  for (const Figure& figure : report_figures(summaries, found, context)) names += figure.name + " ";
  EXPECT_EQ(names, "variance work samples replicas components ");
  const std::vector<CellRecord> one(cells.begin() + 1, cells.begin() + 2);
  const std::vector<CellSummary> alone = summarise_cells(one, context);
  EXPECT_EQ(report_tables(alone, predict(alone), context).size(), 1U);
  EXPECT_EQ(report_figures(alone, predict(alone), context).size(), 2U);
}

}  // namespace
}  // namespace variscope::experiments
