/// Posterior predictive of fits in whole studies: the same bits on any ranks and threads, closed forms of a conjugate model, refusals.
#include <algorithm>
#include <array>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numbers>

#include "engine/diagnostics/predictive.hpp"
#include "engine/store/run_file.hpp"
#include "tests/invariance/layouts.hpp"

namespace variscope::testing {
namespace {

class PredictiveStudy : public LayoutsTest {
 protected:
  FitCellRecord cell_of(const std::string& text) {
    write("s.toml", text);
    const Outcome outcome = variscope({"run", "s.toml", "--output", "run", "--overwrite", "--quiet"});
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    return store::read_run_file(work() / "run" / "run.h5").fits.at(0);
  }
  void refuses(const std::string& text, const std::vector<std::string>& said) {
    write("s.toml", text);
    expect_refused({"plan", "s.toml"}, said);
  }
};

using SlowPredictiveStudy = PredictiveStudy;

/// Logistic regression on odd.h5, a third of its rows held out.
std::string logistic(const std::string& predictive) {
  return R"([study]
name = "predictive"
kind = "fit"
[data]
file = "odd.h5"
row_tile = 16
test_fraction = 0.3
[model]
name = "logistic_regression"
[estimators]
names = ["pw_cfe", "stl"]
samples = 16
[fit]
steps = 10
repeats = 2
posterior_draws = 200
[predictive]
)" + predictive;
}

TEST_F(SlowPredictiveStudy, HasTheSameBitsOnAnyLayout) {
  ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "1009", "--columns", "3", "--seed", "5"}).status, 0);
  const auto spec = write("study.toml", logistic("rows = [\"test\", \"training\", \"grid\"]\ncovariate = \"x1\"\ndraws = 120\n"
                                                 "grid_points = 33\nkept_rows = 100\n"));
  std::string hash;
  EXPECT_TRUE(run_one(spec, 1, "replicates=1", {1, 2}, hash));
  EXPECT_TRUE(run_one(spec, 2, "shards=2", {1}, hash));
  EXPECT_TRUE(run_one(spec, 2, "replicates=2", {1}, hash));
  EXPECT_TRUE(run_one(spec, 4, "samples=2,shards=2", {1}, hash));
  const FitCellRecord cell = store::read_run_file(work() / "run" / "run.h5").fits.at(0);
  ASSERT_EQ(cell.predicted.size(), 3U);
  EXPECT_EQ(cell.predicted[0].rows + cell.predicted[1].rows, 1009);
  EXPECT_EQ(cell.predicted[0].kept, 100);
  EXPECT_EQ(cell.extents().predicted, 233);
  for (const FitRecord& fit : cell.fits) {
    // Everything finite but what a grid has not: response, density and its error.
    for (std::size_t i = 0; i < fit.predicted_rows.size(); ++i) {
      const std::size_t column = i % prediction_columns.size();
      const bool grid = i / prediction_columns.size() >= 200;
      EXPECT_EQ(std::isfinite(fit.predicted_rows[i]), !(grid && (column == 1 || column >= 11))) << i;
    }
    EXPECT_EQ(fit.predictive[0], static_cast<double>(cell.predicted[0].rows));
  }
}

/// Conjugate regression of y on x and an intercept over chosen rows of sine20.csv: predictive mean and sd at x.
struct Conjugate {
  static constexpr double noise = 0.1;
  std::vector<std::array<double, 2>> rows;  ///< x, y
  double a = 1;                             ///< precision matrix (a, b; b, c), prior sd 1
  double b = 0;
  double c = 1;
  double u = 0;
  double v = 0;

  void add(double x, double y) {
    rows.push_back({x, y});
    const double p = 1 / (noise * noise);
    a += p * x * x;
    b += p * x;
    c += p;
    u += p * x * y;
    v += p * y;
  }
  [[nodiscard]] double mean(double x) const { return ((c * u - b * v) * x + a * v - b * u) / (a * c - b * b); }
  [[nodiscard]] double sd(double x) const { return std::sqrt(noise * noise + (c * x * x - 2 * b * x + a) / (a * c - b * b)); }
  [[nodiscard]] double log_density(double x, double y) const {
    const double z = (y - mean(x)) / sd(x);
    return -0.5 * z * z - std::log(sd(x)) - 0.5 * std::log(2 * std::numbers::pi);
  }
};

/// A full-rank q is the exact posterior of this model; `steps` and the estimator bring it there to rounding.
std::string conjugate(const std::string& extra_data) {
  const std::string source = VARISCOPE_SOURCE_DIR;
  return R"([study]
name = "conjugate"
kind = "fit"
[data]
file = ")" +
         source + R"(/experiments/data/sine20.csv"
response = "y"
standardize = false
row_tile = 16
)" + extra_data +
         R"([model]
name = "linear_regression"
noise_sd = 0.1
[family]
name = "full_rank_gaussian"
[estimators]
names = ["stl"]
samples = 16
[fit]
optimizer = "natural_gradient"
step_size = 0.5
steps = 60
repeats = 1
posterior_draws = 20000
[predictive]
covariate = "x"
draws = 20000
)";
}

TEST_F(PredictiveStudy, OfAConjugateModelIsTheNormalOfTheClosedForm) {
  const FitCellRecord cell = cell_of(conjugate("") + "rows = [\"training\", \"grid\"]\ngrid_points = 21\n");
  const FitRecord& fit = cell.fits.at(0);
  Conjugate exact;
  for (std::size_t n = 0; n < 20; ++n) exact.add(fit.predicted_rows[n * 13], fit.predicted_rows[n * 13 + 1]);
  EXPECT_GT(cell.target.objective - fit.objective.back(), -1e-9);
  EXPECT_LT(cell.target.objective - fit.objective.back(), 1e-6);  // q is the posterior
  // 41 rows x 8 scores of 20 000 draws, each past 5 standard errors with probability 6e-7.
  const double root = std::sqrt(20000.0);
  const boost::math::normal standard;
  double lowest = INFINITY;
  double highest = -INFINITY;
  for (std::size_t n = 0; n < 41; ++n) {
    const double* row = fit.predicted_rows.data() + n * prediction_columns.size();
    const double center = exact.mean(row[0]);
    const double sd = exact.sd(row[0]);
    EXPECT_LT(std::abs(row[2] - center), 5 * std::sqrt(sd * sd - 0.01) / root) << n;
    EXPECT_LT(std::abs(row[3] - sd), 5 * sd / root / std::sqrt(2.0));
    for (std::size_t b = 0; b < 3; ++b) {
      const double tail = (1 - diagnostics::kBands[b]) / 2;
      const double z = boost::math::quantile(standard, 1 - tail);
      const double error = std::sqrt(tail * (1 - tail)) / root / boost::math::pdf(standard, z) * sd;
      EXPECT_LT(std::abs(row[5 + 2 * b] - center + z * sd), 5 * error);
      EXPECT_LT(std::abs(row[6 + 2 * b] - center - z * sd), 5 * error);
    }
    if (n >= 20) {
      lowest = std::min(lowest, row[0]);
      highest = std::max(highest, row[0]);
      continue;
    }
    EXPECT_LT(std::abs(row[11] - exact.log_density(row[0], row[1])), 5 * row[12]);
  }
  double least = INFINITY;
  double most = -INFINITY;
  double density = 0;
  double square = 0;
  for (const auto& [x, y] : exact.rows) {
    least = std::min(least, x);
    most = std::max(most, x);
    density += exact.log_density(x, y) / 20;
    square += std::pow(y - exact.mean(x), 2) / 20;
  }
  EXPECT_EQ(lowest, least);
  EXPECT_NEAR(highest, most, 1e-12);
  EXPECT_LT(std::abs(fit.predictive[1] - density), 5 * fit.predictive[3]);
  EXPECT_NEAR(fit.predictive[4], std::sqrt(square), 1e-3);
  // A line through a sine: a model that is sure of its noise covers too little.
  EXPECT_LT(fit.predictive[8], 0.8);
}

TEST_F(PredictiveStudy, OfRowsHeldOutLearnsFromTheOthersAlone) {
  const FitCellRecord cell = cell_of(conjugate("test_fraction = 0.4\n") + "rows = [\"training\", \"test\"]\n");
  const FitRecord& fit = cell.fits.at(0);
  const auto training = static_cast<std::size_t>(cell.predicted.at(0).rows);
  const auto held_out = static_cast<std::size_t>(cell.predicted.at(1).rows);
  ASSERT_EQ(training + held_out, 20U);
  ASSERT_GE(held_out, 3U);
  Conjugate exact;
  for (std::size_t n = 0; n < training; ++n) exact.add(fit.predicted_rows[n * 13], fit.predicted_rows[n * 13 + 1]);
  Conjugate cheating = exact;
  double density = 0;
  double with_all = 0;
  for (std::size_t n = training; n < 20; ++n) cheating.add(fit.predicted_rows[n * 13], fit.predicted_rows[n * 13 + 1]);
  for (std::size_t n = training; n < 20; ++n) {
    const double* row = fit.predicted_rows.data() + n * 13;
    EXPECT_LT(std::abs(row[11] - exact.log_density(row[0], row[1])), 5 * row[12]);
    density += exact.log_density(row[0], row[1]) / static_cast<double>(held_out);
    with_all += cheating.log_density(row[0], row[1]) / static_cast<double>(held_out);
  }
  const double* figures = fit.predictive.data() + predictive_figures.size();
  EXPECT_EQ(figures[0], static_cast<double>(held_out));
  EXPECT_LT(std::abs(figures[1] - density), 5 * figures[3]);
  EXPECT_GT(std::abs(figures[1] - with_all), 5 * figures[3]);  // the twin that has seen the rows
}

TEST_F(PredictiveStudy, RefusesWhatCannotBePredicted) {
  ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "101", "--columns", "3", "--seed", "5"}).status, 0);
  refuses(logistic("rows = [\"grid\"]\ndraws = 150\n"), {"s.toml:", "predictive.covariate"});
  refuses(logistic("rows = [\"grid\"]\ncovariate = \"x7\"\ndraws = 150\n"), {"'x7' is no design column of numbers", "x0"});
  refuses(logistic("rows = [\"training\"]\ndraws = 300\n"), {"predictive.draws = 300 exceeds fit.posterior_draws = 200"});
  refuses(replaced(logistic("rows = [\"test\"]\ndraws = 150\n"), "test_fraction = 0.3\n", ""), {"data.test_fraction"});
  refuses(R"([study]
name = "s"
kind = "fit"
[model]
name = "banana"
[estimators]
names = ["stl"]
[predictive]
rows = ["training"]
)",
          {"predictive.rows"});
  const std::string source = VARISCOPE_SOURCE_DIR;
  refuses(R"([study]
name = "s"
kind = "fit"
[data]
file = ")" + source +
              R"(/experiments/data/eight_schools.csv"
response = "y"
side_columns = ["school", "sigma"]
test_fraction = 0.4
[model]
name = "hierarchical_normal"
sigma = "sigma"
[estimators]
names = ["stl"]
[predictive]
rows = ["test"]
)",
          {"s.toml:", "parameters of its rows' own"});
}

}  // namespace
}  // namespace variscope::testing
