/// T6 and the figure of bands from records made by hand: every number can be checked with a pencil.
#include "experiments/report/t6.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "experiments/report/figure_predictive.hpp"
#include "experiments/report/tables.hpp"

namespace variscope::experiments {
namespace {

/// Two repeats that converged and one that diverged; 3 training rows kept of 20, a grid of 2.
FitCellRecord example() {
  FitCellRecord cell;
  cell.id = "cell_000";
  cell.model = "linear_regression";
  cell.family = "full_rank_gaussian";
  cell.settings = {{"model.name", "linear_regression"}};
  cell.parameter_names = {"mean[x]"};
  cell.variable_names = {"x"};
  cell.repeats = 3;
  cell.rows = 20;
  cell.estimators = {"stl"};
  cell.trace = {0};
  cell.predicted = {{"training", 20, 3}, {"grid", 2, 2}};
  cell.covariate = "x";
  cell.predictive_draws = 999;
  for (int r = 0; r < 3; ++r) {
    FitRecord& fit = cell.fits.emplace_back();
    fit.resize(cell.extents());
    fit.objective = {-1};
    fit.objective_error = {0};
    fit.seconds = {0};
    fit.status = r == 2 ? FitStatus::diverged : FitStatus::finished;
    if (r == 2) continue;
    // rows, log density, its error, Monte Carlo error, rmse, its error, coverage, width
    const std::vector<double> figures = {20, r == 0 ? -1.0 : -1.2, 0.3, 0.4, 0.5, 0.1, 0.5, 0.9, r == 0 ? 1.0 : 0.9, 1, 2, 3};
    std::copy(figures.begin(), figures.end(), fit.predictive.begin());
    for (std::size_t row = 0; row < 5; ++row) {
      double* values = fit.predicted_rows.data() + row * prediction_columns.size();
      const double x = row < 3 ? 2.0 - static_cast<double>(row) : static_cast<double>(row);  // 2, 1, 0; 3, 4
      const std::vector<double> all = {x, row < 3 ? 7.0 : std::nan(""), x, 1, x, x - 1, x + 1, x - 2, x + 2, x - 3, x + 3, -1, 0.1};
      std::copy(all.begin(), all.end(), values);
    }
  }
  return cell;
}

const TableCell& entry(const Table& table, const std::string& key) {
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (table.columns[c].key == key) return table.sections.at(0).rows.at(0).cells.at(c);
  }
  throw std::runtime_error("no column " + key);
}

TEST(T6, AveragesRepeatsAndTakesItsIntervalsFromTheRows) {
  const std::vector<FitCellRecord> cells = {example()};
  const Table table = t6(summarise_posteriors(cells), {});
  ASSERT_EQ(table.sections.size(), 1U);  // a grid has no responses
  EXPECT_EQ(table.sections[0].point, "training");
  EXPECT_EQ(entry(table, "fits").estimate.value, 2);
  const auto& density = entry(table, "log_density").estimate;
  EXPECT_NEAR(density.value, -1.1, 1e-12);
  EXPECT_NEAR(density.upper, -1.1 + 1.959964 * 0.5, 1e-6);  // 0.3 and 0.4 at a right angle
  EXPECT_NEAR(density.lower, -1.1 - 1.959964 * 0.5, 1e-6);
  EXPECT_NEAR(entry(table, "between_fits").estimate.value, 0.2, 1e-12);
  EXPECT_NEAR(entry(table, "rmse").estimate.upper, 0.5 + 0.1959964, 1e-6);
  // Wilson's interval is where |p - share| = z sqrt(p (1 - p) / n).
  for (const auto& [key, share] : {std::pair{"coverage_50", 0.5}, {"coverage_90", 0.9}, {"coverage_95", 0.95}}) {
    const auto& coverage = entry(table, key).estimate;
    EXPECT_NEAR(coverage.value, share, 1e-12);
    for (const double end : {coverage.lower, coverage.upper})
      EXPECT_NEAR(std::abs(end - share), 1.959964 * std::sqrt(end * (1 - end) / 20), 1e-6) << key;
  }
  EXPECT_NE(table.sections[0].notes.at(0).find("optimistic"), std::string::npos);
  EXPECT_NE(table.sections[0].notes.at(0).find("0.95"), std::string::npos);  // 1 - 2 * 25 / 1000
}

TEST(T6, FitsOfOnePosteriorStandSideBySideWhateverTheirFamily) {
  std::vector<FitCellRecord> cells = {example(), example(), example()};
  cells[0].settings.emplace_back("family.name", "full_rank_gaussian");
  cells[1].id = "cell_001";
  cells[1].family = "mean_field_gaussian";
  cells[1].settings.emplace_back("family.name", "mean_field_gaussian");
  // Another order of parts, and another number of draws.
  std::swap(cells[1].predicted[0], cells[1].predicted[1]);
  cells[1].predictive_draws = 199;
  for (FitRecord& fit : cells[1].fits) {
    const auto half = static_cast<std::ptrdiff_t>(predictive_figures.size());
    std::rotate(fit.predictive.begin(), fit.predictive.begin() + half, fit.predictive.end());
  }
  cells[2].id = "cell_002";
  cells[2].settings = {{"model.name", "linear_regression"}, {"family.name", "full_rank_gaussian"}, {"model.noise_sd", "2"}};
  const Table table = t6(summarise_posteriors(cells), {});
  ASSERT_EQ(table.sections.size(), 2U);  // two posteriors
  ASSERT_EQ(table.sections[0].rows.size(), 2U);
  EXPECT_EQ(table.sections[0].notes.size(), 2U);  // of two numbers of draws
  const auto column = static_cast<std::size_t>(
      std::find_if(table.columns.begin(), table.columns.end(), [](const Column& c) { return c.key == "log_density"; }) -
      table.columns.begin());
  for (const TableRow& row : table.sections[0].rows) EXPECT_NEAR(row.cells.at(column).estimate.value, -1.1, 1e-12);
  EXPECT_NE(table.sections[0].rows[0].variant, table.sections[0].rows[1].variant);
}

TEST(T6, IsLeftOutWhereNothingIsPredicted) {
  FitCellRecord cell = example();
  cell.predicted.clear();
  cell.covariate.clear();
  for (FitRecord& fit : cell.fits) {
    fit.predictive.clear();
    fit.predicted_rows.clear();
  }
  const std::vector<FitCellRecord> cells = {cell};
  const auto problems = summarise_posteriors(cells);
  for (const NamedTable& table : fit_tables(cells, {})) EXPECT_NE(table.name, "t6");
  EXPECT_TRUE(predictive_figures_of(problems, {}).empty());
}

TEST(T6, FigureSortsRowsAndDrawsBandsOverTheGrid) {
  const std::vector<FitCellRecord> cells = {example()};
  const auto figures = predictive_figures_of(summarise_posteriors(cells), {});
  ASSERT_EQ(figures.size(), 1U);
  std::vector<double> covariates;
  std::size_t at = figures[0].data.find('\n');
  while (at + 1 < figures[0].data.size()) {
    const std::string line = figures[0].data.substr(at + 1, figures[0].data.find('\n', at + 1) - at - 1);
    std::size_t comma = 0;
    for (int k = 0; k < 3; ++k) comma = line.find(',', comma) + 1;
    covariates.push_back(std::stod(line.substr(comma)));
    at = figures[0].data.find('\n', at + 1);
  }
  EXPECT_EQ(covariates, (std::vector<double>{0, 1, 2, 3, 4}));
  const std::string& script = figures[0].script;
  EXPECT_NE(script.find("every ::3::4 using 4:13:14 with filledcurves"), std::string::npos) << script;  // 95 % over the grid
  EXPECT_NE(script.find("every ::0::2 using 4:5 with points"), std::string::npos);
  EXPECT_EQ(script.find("grid rows"), std::string::npos);
}

}  // namespace
}  // namespace variscope::experiments
