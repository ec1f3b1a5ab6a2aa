/// T4 and T5 from records made by hand: every number can be checked with a pencil.
#include <gtest/gtest.h>

#include <cmath>

#include "experiments/report/figure_fits.hpp"
#include "experiments/report/fit_summaries.hpp"
#include "experiments/report/t4.hpp"
#include "experiments/report/t5.hpp"

namespace variscope::experiments {
namespace {

/// One estimator, three repeats that record steps 0, 10, 100 with these objectives; a step takes 2 gradients and 1 ms. Optimum 0.
FitCellRecord cell_of(const std::string& id, const std::string& step_size, const std::vector<std::vector<double>>& objectives) {
  FitCellRecord cell;
  cell.id = id;
  cell.model = "banana";
  cell.family = "mean_field_gaussian";
  cell.optimizer = "adam";
  cell.settings = {{"model.name", "banana"}, {"fit.step_size", step_size}, {"fit.tolerance", "0.1"}};
  cell.parameter_names = {"mean[x]", "log_scale[x]"};
  cell.variable_names = {"x"};
  cell.repeats = static_cast<Index>(objectives.size());
  cell.posterior_draws = 100;
  cell.estimators = {"pw_cfe"};
  cell.trace = {0, 10, 100};
  cell.target.method = "closed form";
  cell.target.mean = {1};
  cell.target.sd = {2};
  cell.target.mean_error = cell.target.sd_error = {0};
  for (const auto& objective : objectives) {
    FitRecord& fit = cell.fits.emplace_back();
    fit.resize({3, 2, 1});
    fit.objective = objective;
    fit.objective_error = {0, 0, 0};
    fit.steps = 100;
    for (std::size_t t = 0; t < 3; ++t) {
      fit.counts[t].gradient_evaluations = 2 * cell.trace[t];
      fit.seconds[t] = 1e-3 * static_cast<double>(cell.trace[t]);
    }
    fit.mean = {1.5};
    fit.sd = {1};
    fit.weighted_mean = {1};
    fit.weighted_sd = {2};
    fit.k_hat = 0.5 + 0.2 * static_cast<double>(cell.fits.size());
    fit.effective_draws = 50;
    if (std::isnan(objective[2])) fit.status = FitStatus::diverged;
  }
  return cell;
}

const TableCell& entry(const Table& table, std::size_t row, const std::string& key) {
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (table.columns[c].key == key) return table.sections.at(0).rows.at(row).cells.at(c);
  }
  throw std::runtime_error("no column " + key);
}

TEST(FitReport, OverRepeats) {
  const auto e = over_repeats({1, 2, 3, std::nan("")});
  EXPECT_DOUBLE_EQ(e.value, 2);
  // Student with 2 degrees of freedom: the quantile of p is (2 p - 1) / sqrt(2 p (1 - p)). Standard error 1 / sqrt(3).
  const double reach = 0.95 / std::sqrt(2 * 0.975 * 0.025) / std::sqrt(3.0);
  EXPECT_NEAR(e.upper, 2 + reach, 1e-12);
  EXPECT_NEAR(e.lower, 2 - reach, 1e-12);
  EXPECT_FALSE(over_repeats({1}).has_interval());
  EXPECT_FALSE(over_repeats({}).defined());
  EXPECT_DOUBLE_EQ(median_of({3, 1, INFINITY}).value, 3);
  EXPECT_FALSE(median_of({3, 1, INFINITY}).has_interval());
  EXPECT_FALSE(median_of({1, INFINITY, INFINITY}).defined());
  EXPECT_DOUBLE_EQ(median_of({4, 1, 2, 3}).value, 2.5);
  EXPECT_DOUBLE_EQ(median_of({4, 1, 2, 3}).upper, 4);
}

TEST(FitReport, GapsArrivalsAndDivergence) {
  const double nan = std::nan("");
  const std::vector<FitCellRecord> cells = {
      cell_of("cell_000", "0.1", {{-9, -0.05, -0.02}, {-9, -3, -0.04}, {-9, -0.09, -0.5}}),
      cell_of("cell_001", "1", {{-9, nan, nan}, {-9, -1, -12}, {-9, -1, -1}}),
  };
  const auto problems = summarise_fits(cells);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].cell, "cell_000 to cell_001");
  EXPECT_EQ(problems[0].optimum, 0);
  EXPECT_TRUE(problems[0].known);
  EXPECT_DOUBLE_EQ(problems[0].budget, 200);
  EXPECT_DOUBLE_EQ(problems[0].seconds, 0.1);
  const Table table = t4(problems, {.study = "s", .results_hash = "", .program_version = ""});
  ASSERT_EQ(table.sections.size(), 1U);
  ASSERT_EQ(table.sections[0].rows.size(), 2U);
  EXPECT_EQ(table.sections[0].rows[0].label(), "pw_cfe, step_size = 0.1");
  EXPECT_EQ(entry(table, 0, "diverged").text, "0 of 3");
  EXPECT_NEAR(entry(table, 0, "gap").estimate.value, (0.02 + 0.04 + 0.5) / 3, 1e-15);
  // 10 % of 200 evaluations are step 10's 20.
  EXPECT_NEAR(entry(table, 0, "gap_evaluations_10").estimate.value, (0.05 + 3 + 0.09) / 3, 1e-15);
  EXPECT_NEAR(entry(table, 0, "gap_evaluations_1").estimate.value, 9, 1e-15);
  EXPECT_NEAR(entry(table, 0, "gap_seconds_10").estimate.value, (0.05 + 3 + 0.09) / 3, 1e-15);
  // The third was there and left again.
  EXPECT_EQ(entry(table, 0, "reached").text, "2 of 3");
  EXPECT_DOUBLE_EQ(entry(table, 0, "evaluations_to_tolerance").estimate.value, 200);
  EXPECT_DOUBLE_EQ(entry(table, 0, "evaluations_per_step").estimate.value, 2);
  // One diverged; one ended below its start.
  EXPECT_EQ(entry(table, 1, "diverged").text, "2 of 3");
  EXPECT_DOUBLE_EQ(entry(table, 1, "gap").estimate.value, 1);
  EXPECT_EQ(entry(table, 1, "evaluations_to_tolerance").text, "not reached");
}

/// Gaps whose squares overflow have no finite interval: gnuplot must not be shown one.
TEST(FitReport, FiguresHoldFiniteNumbersOnly) {
  const std::vector<FitCellRecord> cells = {cell_of("cell_000", "0.1", {{-1e300, -1e200, -0.02}, {-1e300, -3, -0.04}, {-1e300, -3, -0.1}})};
  const auto problems = summarise_fits(cells);
  const auto figures = fit_figures(problems, {.study = "s", .results_hash = "", .program_version = ""});
  ASSERT_EQ(figures.size(), 3U);
  EXPECT_EQ(figures[2].name, "course");
  for (const Figure& figure : figures) EXPECT_EQ(figure.data.find("inf"), std::string::npos) << figure.data;
  EXPECT_NE(figures[0].data.find("200,\"100\",0.05"), std::string::npos) << figures[0].data;
}

/// A fit that ended of its own has its answer at any later time: it does not shorten the budget of others, and its posterior stands beside
/// those of other families.
TEST(FitReport, FitsThatEndedOfTheirOwn) {
  const double nan = std::nan("");
  auto search = cell_of("cell_001", "0.1", {{nan, -1, -1}});
  search.method = "laplace";
  search.family = "full_rank_gaussian";
  search.estimators = {"laplace"};
  search.settings = {{"model.name", "banana"}, {"family.name", "full_rank_gaussian"}};
  search.fits[0].steps = 7;
  end_as(search.fits[0], FitEnding::converged);
  search.fits[0].counts[1].gradient_evaluations = search.fits[0].counts[2].gradient_evaluations = 7;
  auto point = cell_of("cell_002", "0.1", {{nan, nan, nan}});
  point.method = "svgd";
  point.family = "particles";
  point.objective = "none";
  point.estimators = {"svgd"};
  point.settings = {{"model.name", "banana"}};
  end_as(point.fits[0], FitEnding::all_steps);
  auto fits = cell_of("cell_000", "0.1", {{-9, -1, -0.1}});
  fits.settings.emplace_back("family.name", "mean_field_gaussian");
  const std::vector<FitCellRecord> cells = {fits, search, point};
  const auto problems = summarise_fits(cells);
  ASSERT_EQ(problems.size(), 2U);  // by family; particles have no bound
  EXPECT_DOUBLE_EQ(problems[0].budget, 200);
  EXPECT_DOUBLE_EQ(problems[1].budget, 7);
  const Table table = t4(problems, {.study = "s", .results_hash = "", .program_version = ""});
  EXPECT_EQ(entry(table, 0, "ended_early").text, "0 of 1");
  EXPECT_EQ(table.sections.at(1).rows.at(0).label(), "laplace");
  const auto posteriors = summarise_posteriors(cells);
  ASSERT_EQ(posteriors.size(), 1U);
  ASSERT_EQ(posteriors[0].groups.size(), 3U);
  EXPECT_TRUE(converged(cells[1].fits[0]));
  EXPECT_TRUE(converged(cells[2].fits[0]));
}

TEST(FitReport, WithoutAnOptimumTheBestIsTheTarget) {
  auto cell = cell_of("cell_000", "0.1", {{-9, -0.05, -0.02}, {-9, -3, -0.04}});
  cell.target = {};
  const std::vector<FitCellRecord> cells = {cell};
  const auto problems = summarise_fits(cells);
  EXPECT_FALSE(problems[0].known);
  EXPECT_DOUBLE_EQ(problems[0].optimum, -0.02);
  const Table table = t4(problems, {.study = "s", .results_hash = "", .program_version = ""});
  EXPECT_NEAR(entry(table, 0, "gap").estimate.value, 0.01, 1e-15);
  EXPECT_NE(table.sections[0].notes[0].find("best objective"), std::string::npos);
}

TEST(FitReport, MomentsAgainstTheReference) {
  const std::vector<FitCellRecord> cells = {cell_of("cell_000", "0.1", {{-9, -1, -0.1}, {-9, -1, -0.1}, {-9, -1, -0.1}})};
  const auto problems = summarise_fits(cells);
  const Table table = t5(problems, {.study = "s", .results_hash = "", .program_version = ""});
  EXPECT_DOUBLE_EQ(entry(table, 0, "mean_error_rms").estimate.value, 0.25);
  EXPECT_DOUBLE_EQ(entry(table, 0, "sd_ratio").estimate.value, 0.5);
  EXPECT_DOUBLE_EQ(entry(table, 0, "mean_error_z").estimate.value, 5);  // 0.5 over 1 / sqrt(100)
  EXPECT_NEAR(entry(table, 0, "sd_error_z").estimate.value, std::sqrt(200.0), 1e-12);
  EXPECT_DOUBLE_EQ(entry(table, 0, "weighted_mean_error_rms").estimate.value, 0);
  EXPECT_DOUBLE_EQ(entry(table, 0, "weighted_sd_ratio").estimate.value, 1);
  EXPECT_DOUBLE_EQ(entry(table, 0, "k_hat").estimate.value, 0.9);
  EXPECT_EQ(entry(table, 0, "k_hat_good").text, "0 of 3");
  EXPECT_DOUBLE_EQ(entry(table, 0, "efficiency").estimate.value, 0.5);
  const Table variables = t5_variables(problems, {.study = "s", .results_hash = "", .program_version = ""});
  ASSERT_EQ(variables.sections.size(), 1U);
  EXPECT_EQ(variables.sections[0].point, "x");
}

}  // namespace
}  // namespace variscope::experiments
