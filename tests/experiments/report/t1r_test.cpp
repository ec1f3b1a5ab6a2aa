/// Table T1r: made-up power laws, and the normal mean, whose variance at any M is known in closed form.
#include "experiments/report/t1r.hpp"

#include <fmt/format.h>

#include <cmath>

#include "engine/store/run_file.hpp"
#include "tests/experiments/report/example.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::experiments {
namespace {

diagnostics::Estimate at(const Table& table, const TableRow& row, const std::string& key) {
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (table.columns[c].key == key) return row.cells[c].estimate;
  }
  return {};
}

/// A cell whose estimators' standard deviations are sd(M).
CellRecord cell_of(Index samples, std::uint64_t seed, double power, Index batches = 128) {
  CellRecord cell = testing::example_study(64, 64)[0];
  cell.id = fmt::format("cell_{:03}", samples);
  cell.samples = samples;
  cell.settings.emplace_back("estimators.samples", fmt::to_string(samples));
  cell.replicates = 1024;
  cell.points.resize(1);
  PointRecord& point = cell.points[0];
  point.reference.assign(6, 0.0);
  point.estimators.clear();
  const double sd = 3 * std::pow(static_cast<double>(samples), power / 2);
  for (const char* name : {"pw_cfe", "stl"}) {
    const testing::Recipe recipe{name, sd, 0.5 * sd};
    point.estimators.push_back(testing::make_estimator(recipe, 3, cell.blocks, 569, 1024, batches, seed));
  }
  return cell;
}

Table table_of(const std::vector<CellRecord>& cells) {
  const ReportContext context{"rates", "0", "0"};
  return t1r(summarise_cells(cells, context), context);
}

TEST(Rates, OfOneSetOfDrawsIsThePowerItself) {
  // The same draws at every M, scaled: what they share cancels, and nothing but rounding is left.
  const Table t = table_of({cell_of(4, 7, -1.4), cell_of(64, 7, -1.4), cell_of(16, 7, -1.4)});
  ASSERT_EQ(t.sections.size(), 1u);
  ASSERT_EQ(t.sections[0].rows.size(), 2u);
  for (const TableRow& row : t.sections[0].rows) {
    for (const char* key : {"rate", "rate_mean", "rate_log_scale", "rate_last"}) {
      EXPECT_NEAR(at(t, row, key).value, -1.4, 1e-12) << key;
      EXPECT_LT(at(t, row, key).error, 1e-12) << key;
    }
  }
  EXPECT_EQ(t.sections[0].notes.at(0), "M = 4, 16, 64");
  EXPECT_EQ(t.sections[0].cell_heading.find("M ="), std::string::npos);
}

TEST(Rates, OfIndependentDrawsIsWithinItsError) {
  // 5 standard errors: beyond once in 1e6. The twin, a rate of a tenth more, must be seen.
  const Table t = table_of({cell_of(1, 1, -1.0), cell_of(4, 2, -1.0), cell_of(16, 3, -1.0), cell_of(64, 4, -1.0)});
  for (const TableRow& row : t.sections.at(0).rows) {
    const diagnostics::Estimate rate = at(t, row, "rate");
    ASSERT_TRUE(rate.reliable());
    EXPECT_LT(std::abs(rate.value + 1), 5 * rate.error);
    EXPECT_GT(std::abs(rate.value + 1.1), 5 * rate.error);
    EXPECT_LT(rate.error, at(t, row, "rate_last").error);
  }
}

TEST(Rates, NeedsThreeCellsOfTheSameBatches) {
  EXPECT_TRUE(table_of({cell_of(1, 1, -1), cell_of(4, 2, -1)}).sections.empty());
  EXPECT_TRUE(table_of({cell_of(1, 1, -1), cell_of(4, 2, -1), cell_of(16, 3, -1, 64)}).sections.empty());
}

class RatesOfAStudy : public variscope::testing::ProgramTest {};

TEST_F(RatesOfAStudy, AreThoseOfTheComponents) {
  // 40 rows, B = 5 without replacement: g_m = sum (y_n - z) - z has variance (N + 1)^2 s^2 / M + N^2 V fpc(5) / 5, whose logarithm bends.
  std::vector<double> y;
  std::string rows = "y\n";
  for (int n = 0; n < 40; ++n) {
    y.push_back(0.3 + std::sin(1.7 * n));
    rows += fmt::format("{:.17g}\n", y.back());
  }
  write("d.csv", rows);
  write("s.toml", R"([study]
name = "rates"
[data]
file = "d.csv"
response = "y"
intercept = true
standardize = false
[model]
name = "normal_mean"
prior_sd = 1.0
[family]
name = "mean_field_gaussian"
initial_sd = 0.5
[path]
steps = 0
points = [0]
optimum = false
[estimators]
names = ["pw_cfe"]
samples = [1, 4, 16, 64]
batch_rows = 5
[replicates]
count = 4096
batches = 128
)");
  const auto outcome = variscope({"run", "s.toml", "--output", "run", "--quiet"});
  ASSERT_EQ(outcome.status, 0) << outcome.all();
  const Table t = table_of(store::read_run_file(work() / "run" / "run.h5").cells);
  double mean = 0;
  double variance = 0;
  for (const double v : y) mean += v / 40;
  for (const double v : y) variance += (v - mean) * (v - mean) / 40;
  const auto log_variance = [&](double m) { return std::log(41 * 41 * 0.25 / m + 1600 * variance * (35.0 / 39) / 5); };
  // Least squares on log M = 0, 1, 2, 3 times log 4.
  const double slope =
      (-1.5 * log_variance(1) - 0.5 * log_variance(4) + 0.5 * log_variance(16) + 1.5 * log_variance(64)) / (5 * std::log(4.0));
  const double last = (log_variance(64) - log_variance(16)) / std::log(4.0);
  const TableRow& row = t.sections.at(0).rows.at(0);
  const diagnostics::Estimate rate = at(t, row, "rate_mean");
  EXPECT_LT(std::abs(rate.value - slope), 5 * rate.error) << rate.value << " " << slope;
  EXPECT_GT(slope, -0.95);
  EXPECT_GT(std::abs(rate.value + 1), 5 * rate.error);  // the broken law, 1 / M, is seen
  EXPECT_GT(last, slope);
  EXPECT_GT(at(t, row, "rate_last").value, at(t, row, "rate").value);
}

}  // namespace
}  // namespace variscope::experiments
