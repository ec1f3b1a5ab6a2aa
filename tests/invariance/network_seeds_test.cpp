/// Figures of the studies C2, C6, C13 and C14 of the founding tutorials against closed forms; C15's truths.
#include <array>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/store/run_file.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::testing {
namespace {

namespace fs = std::filesystem;

class NetworkSeedsTest : public ProgramTest {
 protected:
  /// A shipped study with keys changed, run.
  store::RunRecord run_seed(const std::string& name, const std::vector<std::array<std::string, 3>>& changed = {}) {
    std::string text = read_text(fs::path(VARISCOPE_SOURCE_DIR) / "experiments" / "specs" / "seeds" / (name + ".toml"));
    for (const auto& [section, key, value] : changed) text = with_value(text, section, key, value);
    const std::string data = "\"../../data/";
    for (std::size_t at = text.find(data); at != std::string::npos; at = text.find(data))
      text.replace(at, data.size(), "\"" + std::string(VARISCOPE_SOURCE_DIR) + "/experiments/data/");
    write("s.toml", text);
    const Outcome outcome = variscope({"run", "s.toml", "--output", "run", "--quiet"}, 200);
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    return store::read_run_file(work() / "run" / "run.h5");
  }
};
using SlowNetworkSeedsTest = NetworkSeedsTest;

/// Place among prediction_columns.
std::size_t column(const std::string& name) {
  std::size_t at = 0;
  while (at < prediction_columns.size() && name != prediction_columns[at]) ++at;
  return at;
}

/// A figure of one kept row of the part.
double of_row(const FitCellRecord& cell, const FitRecord& fit, const std::string& part, Index row, const std::string& name) {
  Index first = 0;
  for (const PredictedPart& p : cell.predicted) {
    if (p.name == part) return fit.predicted_rows.at(static_cast<std::size_t>(first + row) * prediction_columns.size() + column(name));
    first += p.kept;
  }
  return std::nan("");
}

/// Standard deviation of a function of the prior at x: a bias, and five units of half the second moment of N(0, s^2 (1 + x^2)) each.
double prior_sd(double s, double x) { return std::sqrt(s * s + 5 * s * s * s * s * (1 + x * x) / 2); }

TEST_F(NetworkSeedsTest, C2HasTheMomentsOfThePrior) {
  const auto run = run_seed("c2_prior_functions", {{"fit", "repeats", "2"}});
  const FitCellRecord& cell = run.fits.at(0);
  ASSERT_EQ(cell.predicted.size(), 2U);
  ASSERT_EQ(cell.functions, 50);
  double twin = 0;
  for (const FitRecord& fit : cell.fits) {
    for (const Index row : {0, 15, 30, 45, 60}) {
      const double x = of_row(cell, fit, "grid", row, "covariate");
      const double sd = std::hypot(prior_sd(1, x), 0.1);
      // Relative error of an sd of n draws of kurtosis k: sqrt((k - 1) / 4n). Given the hidden units functions are normal; the fourth
      // moment of five units is at most 3 (1 + 4 / 5 * ...) < 12 times the squared variance: 0.026 of the sd at 4000 draws, a mean's error
      // 0.016 of it. Five errors at 20 places: 1e-5.
      EXPECT_NEAR(of_row(cell, fit, "grid", row, "sd"), sd, 5 * 0.026 * sd) << x;
      EXPECT_NEAR(of_row(cell, fit, "grid", row, "mean"), 0, 5 * 0.016 * sd) << x;
      // A twin that forgets the output weights' own spread, or the units' biases.
      twin = std::max(twin, std::abs(of_row(cell, fit, "grid", row, "sd") / std::hypot(std::sqrt(1 + 5 * x * x / 2), 0.1) - 1));
    }
  }
  EXPECT_GT(twin, 0.3);
  // The grid goes from -2.87... - 0.5 range to the other side, as far.
  const FitRecord& fit = cell.fits.at(0);
  const double least = of_row(cell, fit, "training", 0, "covariate");
  const double first = of_row(cell, fit, "grid", 0, "covariate");
  const double last = of_row(cell, fit, "grid", 60, "covariate");
  EXPECT_LT(first, least - 0.4 * (last - first) / 2);
  // Functions kept are those of the draws whose bands are shown: piecewise linear, so that second differences vanish nearly everywhere.
  const auto points = static_cast<std::size_t>(cell.extents().functions / cell.functions);
  ASSERT_EQ(points, 61U);
  ASSERT_EQ(fit.functions.size(), 50U * 61U);
  for (std::size_t f = 0; f < 50; ++f) {
    int kinks = 0;
    const double* y = fit.functions.data() + f * points;
    for (std::size_t k = 1; k + 1 < points; ++k) kinks += std::abs(y[k - 1] - 2 * y[k] + y[k + 1]) > 1e-9 ? 1 : 0;
    EXPECT_LE(kinks, 10) << f;  // five kinks, each within one interval of the grid or at its end
  }
  EXPECT_NE(fit.functions[0], cell.fits.at(1).functions[0]);  // repeats draw anew
  EXPECT_TRUE(fs::exists(work() / "run" / "report" / "functions.csv"));
}

TEST_F(NetworkSeedsTest, C2HasTheSameBitsOnRanksAndThreads) {
  run_seed("c2_prior_functions", {{"fit", "repeats", "3"}, {"fit", "particles", "400"}, {"predictive", "draws", "400"}});
  const std::string alone = variscope({"run", "s.toml", "--output", "alone", "--quiet"}).hash();
  EXPECT_EQ(alone.size(), 64U);
  EXPECT_EQ(variscope({"run", "s.toml", "--output", "ranks", "--ranks", "3", "--threads", "2", "--quiet"}).hash(), alone);
  EXPECT_EQ(variscope({"run", "s.toml", "--output", "shards", "--ranks", "2", "--threads", "1", "--layout", "shards=2", "--quiet"}).hash(),
            alone);
}

TEST_F(NetworkSeedsTest, C6EndsAtTheOptimumByHand) {
  const auto run = run_seed("c6_mean_field_banana");
  ASSERT_EQ(run.fits.size(), 2U);
  // s_x^2 / 9 + 0.04 s_x^4 = 1, the quadratic's root; m_y = 0.1 s_x^2; ELBO = log(2 pi e) + log s_x - 1/2 (s_x^2 / 9 + 1 + 0.02 s_x^4).
  const double v = (-1.0 / 9 + std::sqrt(1.0 / 81 + 0.16)) / 0.08;
  const double elbo = std::log(2 * M_PI) + 1 + 0.5 * std::log(v) - 0.5 * (v / 9 + 1 + 0.02 * v * v);
  EXPECT_NEAR(elbo, 2.6499, 5e-5);  // as the spec states
  EXPECT_NEAR(std::sqrt(v), 1.9495, 5e-5);
  for (const FitCellRecord& cell : run.fits) {
    const FitRecord& fit = cell.fits.at(0);
    const std::size_t last = (cell.trace.size() - 1) * 4;
    const bool exact = cell.method == "exact_mean_field";
    EXPECT_NEAR(fit.objective.back(), elbo, exact ? 1e-9 : 0.01) << cell.method;
    if (!exact) {
      EXPECT_EQ(cell.trace.size(), 151U);
      continue;
    }
    EXPECT_NEAR(fit.lambda[last], 0, 1e-4);
    EXPECT_NEAR(fit.lambda[last + 1], 0.1 * v, 1e-4);
    EXPECT_NEAR(std::exp(fit.lambda[last + 2]), std::sqrt(v), 1e-4);
    EXPECT_NEAR(std::exp(fit.lambda[last + 3]), 1, 1e-4);
  }
}

TEST_F(SlowNetworkSeedsTest, C13SpreadNarrowsAmongTheDataAndNotFarFromThem) {
  const auto run = run_seed("c13_training_size", {{"fit", "repeats", "2"}, {"fit", "steps", "2000"}});
  ASSERT_EQ(run.fits.size(), 4U);
  std::vector<double> inside;
  std::vector<double> outside;
  for (const FitCellRecord& cell : run.fits) {
    double within = 0;
    double beyond = 0;
    for (const FitRecord& fit : cell.fits) {
      within += of_row(cell, fit, "grid", 30, "sd") / 2;  // the middle of the data
      beyond += std::max(of_row(cell, fit, "grid", 0, "sd"), of_row(cell, fit, "grid", 60, "sd")) / 2;
    }
    inside.push_back(within);
    outside.push_back(beyond);
    EXPECT_GT(beyond, within) << cell.rows;
    EXPECT_GT(within, 0.1 * 0.9);  // the noise alone
  }
  EXPECT_EQ(run.fits.back().rows, 50);
  EXPECT_LT(inside.back(), inside.front());
  EXPECT_LT(outside.back(), outside.front());
}

TEST_F(SlowNetworkSeedsTest, C14HasThePriorsItNamesAndTheMiddleOneIsBest) {
  const auto run = run_seed("c14_prior_sd", {{"fit", "repeats", "2"}, {"fit", "steps", "2000"}});
  ASSERT_EQ(run.fits.size(), 6U);
  std::vector<double> bounds;
  for (const FitCellRecord& cell : run.fits) {
    double s = 0;
    for (const auto& [key, value] : cell.settings) s = key == "model.prior_sd" ? std::stod(value) : s;
    const FitRecord& fit = cell.fits.at(0);
    if (cell.method == "vi") {
      bounds.push_back(std::max(fit.objective.back(), cell.fits.at(1).objective.back()));
      continue;
    }
    const double x = of_row(cell, fit, "grid", 60, "covariate");
    const double sd = std::hypot(prior_sd(s, x), 0.1);
    EXPECT_NEAR(of_row(cell, fit, "grid", 60, "sd"), sd, 5 * 0.052 * sd) << s;  // as in C2, of 1000 draws
  }
  ASSERT_EQ(bounds.size(), 3U);
  EXPECT_GT(bounds[1], bounds[0]);
  EXPECT_GT(bounds[1], bounds[2]);
}

TEST_F(NetworkSeedsTest, C15ShowsTheBiasOfRelaxationsBesideTheVarianceOfTheOthers) {
  for (const std::string name : {"c15_discrete_toy", "c15_discrete_assignments"}) {
    const auto run = run_seed(name, {{"replicates", "count", "4096"}, {"path", "steps", "50"}});
    const std::string gated = read_text(work() / "run" / "report" / "t1.txt");
    const std::string biased = read_text(work() / "run" / "report" / "t1b.txt");
    for (const char* relaxed : {"gumbel_softmax", "straight_through"}) EXPECT_NE(biased.find(relaxed), std::string::npos) << name;
    EXPECT_NE(gated.find("disarm"), std::string::npos) << name;
    ASSERT_FALSE(run.cells.empty());
    if (name != std::string("c15_discrete_toy")) continue;
    // d/dphi E (z - p0)^2 = p (1 - p) (1 - 2 p0), at the start 0.02 / 4.
    for (const double slope : run.cells[0].points.front().reference) EXPECT_NEAR(slope, 0.02 / 4, 1e-12);
    fs::remove_all(work() / "run");
  }
}

TEST_F(NetworkSeedsTest, WhatThePriorCannotDoIsSaid) {
  write("s.toml",
        "[study]\nname = \"p\"\nkind = \"fit\"\n[model]\nname = \"univariate\"\nk = 0.5\nfunction = \"square\"\n[fit]\nmethod = "
        "[\"prior\", \"laplace\"]\nparticles = 100\n");
  const Outcome outcome = variscope({"run", "s.toml", "--output", "run", "--quiet"});
  EXPECT_EQ(outcome.status, 0) << outcome.all();
  EXPECT_NE(read_text(work() / "run" / "report" / "t5.txt").find("cannot be drawn from its prior"), std::string::npos)
      << read_text(work() / "run" / "report" / "t5.txt");
  write("t.toml", "[study]\nname = \"p\"\nkind = \"fit\"\n[model]\nname = \"banana\"\n[fit]\nmethod = \"prior\"\nsteps = 10\n");
  expect_refused({"run", "t.toml"}, {"fit.steps", "prior"});
}

}  // namespace
}  // namespace variscope::testing
