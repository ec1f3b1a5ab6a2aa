/// Figures of the shipped studies of the founding tutorials, where they are exact: closed forms, quadrature, printed digits.
#include <array>
#include <boost/math/tools/minima.hpp>
#include <cmath>
#include <numbers>

#include "engine/estimators/estimator.hpp"
#include "engine/families/mean_field_gaussian.hpp"
#include "engine/models/banana.hpp"
#include "engine/store/run_file.hpp"
#include "tests/engine/models/evaluate.hpp"
#include "tests/invariance/studies.hpp"

namespace variscope::testing {
namespace {

namespace fs = std::filesystem;

fs::path seed(const std::string& name) { return fs::path(VARISCOPE_SOURCE_DIR) / "experiments" / "specs" / "seeds" / (name + ".toml"); }

/// Columns x and y of a shipped data set.
std::vector<std::array<double, 2>> points(const std::string& file) {
  std::vector<std::array<double, 2>> rows;
  const auto lines = lines_of(read_text(fs::path(VARISCOPE_SOURCE_DIR) / "experiments" / "data" / file));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::size_t comma = lines[i].find(',');
    rows.push_back({std::stod(lines[i].substr(0, comma)), std::stod(lines[i].substr(comma + 1))});
  }
  return rows;
}

class SeedsTest : public ProgramTest {
 protected:
  std::vector<FitCellRecord> run_seed(const std::string& name, const std::vector<std::array<std::string, 3>>& changed = {}) {
    std::string text = read_text(seed(name));
    for (const auto& [section, key, value] : changed) text = with_value(text, section, key, value);
    const std::string data = "file = \"../../data";
    if (const std::size_t at = text.find(data); at != std::string::npos)
      text.replace(at, data.size(), "file = \"" + std::string(VARISCOPE_SOURCE_DIR) + "/experiments/data");
    write("s.toml", text);
    const Outcome outcome = variscope({"run", "s.toml", "--output", "run", "--quiet"}, 200);
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    return store::read_run_file(work() / "run" / "run.h5").fits;
  }
};
using SlowSeedsTest = SeedsTest;

/// E_q log p(y, b | sigma) + H(q) at the best Gaussian q of y ~ N(b_1 x + b_0, sigma^2), b ~ N(0, 100^2), as a function of log sigma alone.
/// full: q with the posterior's covariance, where this is the log evidence; otherwise independent, with the posterior's precisions.
double bound(const std::vector<std::array<double, 2>>& rows, double log_sigma, bool full) {
  const double s2 = std::exp(2 * log_sigma);
  double a = 1e-4;
  double b = 0;
  double c = 1e-4;
  double u = 0;
  double v = 0;
  for (const auto& [x, y] : rows) {
    a += x * x / s2;
    b += x / s2;
    c += 1 / s2;
    u += x * y / s2;
    v += y / s2;
  }
  const double det = a * c - b * b;
  const double slope = (c * u - b * v) / det;
  const double intercept = (a * v - b * u) / det;
  const double v11 = full ? c / det : 1 / a;
  const double v00 = full ? a / det : 1 / c;
  const double v10 = full ? -b / det : 0.0;
  double value = 0;
  for (const auto& [x, y] : rows) {
    const double residual = y - slope * x - intercept;
    value += -0.5 * std::log(2 * std::numbers::pi * s2) - (residual * residual + x * x * v11 + 2 * x * v10 + v00) / (2 * s2);
  }
  for (const double square : {slope * slope + v11, intercept * intercept + v00})
    value += -0.5 * std::log(2 * std::numbers::pi * 1e4) - square / 2e4;
  return value + 0.5 * std::log(v11 * v00 - v10 * v10) + 1 + std::log(2 * std::numbers::pi);
}

TEST_F(SlowSeedsTest, A1FindsTheScaleOfEvidenceMaximisation) {
  // Smaller steps towards the end: the tutorial's constant 0.1 leaves a ball about the optimum.
  const auto cells = run_seed("a1_linear_regression",
                              {{"fit", "step_size", "0.05"}, {"fit", "steps", "1500\naverage = 0.4"}, {"estimators", "samples", "256"}});
  ASSERT_EQ(cells.size(), 2U);
  const auto rows = points("line5.csv");
  for (const FitCellRecord& cell : cells) {
    const bool full = cell.family == "full_rank_gaussian";
    const auto best = boost::math::tools::brent_find_minima([&](double log_sigma) { return -bound(rows, log_sigma, full); }, -3.0, 3.0, 50);
    ASSERT_EQ(cell.parameter_names.back(), "point[log_sigma]");
    const std::size_t parameters = cell.parameter_names.size();
    for (std::size_t e = 0; e < cell.estimators.size(); ++e) {
      for (Index r = 0; r < cell.repeats; ++r) {
        const FitRecord& fit = cell.fit(e, r);
        // An error d of log sigma costs about N d^2 of the bound: 0.05 is below 0.02 nats; averages of 600 iterates come closer.
        EXPECT_NEAR(fit.lambda[(cell.trace.size() - 1) * parameters + parameters - 1], best.first, 0.02) << cell.family;
        EXPECT_NEAR(fit.objective.back(), -best.second, 5 * fit.objective_error.back() + 0.01) << cell.family;
        EXPECT_EQ(fit.sd.back() < 1e-12, true);  // sigma is a number, not a distribution
      }
    }
    // A prior flat on sigma in the place of one flat on its logarithm adds log sigma: its optimum is far from this one.
    const auto other =
        boost::math::tools::brent_find_minima([&](double log_sigma) { return -bound(rows, log_sigma, full) - log_sigma; }, -3.0, 3.0, 50);
    EXPECT_GT(std::abs(other.first - best.first), 0.1);
  }
}

TEST_F(SeedsTest, C1HasThePrintedPosterior) {
  // Printed: intercept -0.07553835, slope 0.33272507; sd 0.0225762, 0.01242588. The optimum over full-rank Gaussians is the posterior.
  const auto cells = run_seed("c1_polynomial_regression", {{"fit", "steps", "5"}, {"fit", "repeats", "1"}});
  const FitCellRecord* cell = nullptr;
  for (const FitCellRecord& other : cells) cell = other.family == "full_rank_gaussian" ? &other : cell;
  ASSERT_NE(cell, nullptr);
  const std::vector<double>& lambda = cell->target.lambda;  // means, log diagonals of L, L_10
  ASSERT_EQ(cell->parameter_names.at(0), "mean[x]");
  EXPECT_NEAR(lambda.at(0), 0.33272507, 5e-9);
  EXPECT_NEAR(lambda.at(1), -0.07553835, 5e-9);
  EXPECT_NEAR(std::exp(lambda.at(2)), 0.01242588, 5e-9);
  EXPECT_NEAR(std::hypot(std::exp(lambda.at(3)), lambda.at(4)), 0.0225762, 5e-8);
}

/// Gradient variances of the means, one sample, averaged over the two dimensions, at a q on the banana: by trapezoids over the noise, whose
/// error is below rounding (the integrand is analytic and vanishes).
double variance_of_means(const std::string& name, const std::array<double, 4>& q) {
  const models::Banana banana(3.0, 0.1);
  const std::vector<double> lambda = {q[0], q[1], std::log(q[2]), std::log(q[3])};
  const families::MeanFieldGaussian family(lambda);
  const auto estimator = estimators::find(name)->make();
  const estimators::Context context{&family, &banana, estimators::Objective::elbo, 1, 0, {}, {}};
  constexpr double kStep = 0.2;
  constexpr int kHalf = 45;
  const Index side = 2 * kHalf + 1;
  tiles::Batch noise(2, side * side);
  tiles::Batch z(2, side * side);
  for (Index s = 0; s < side * side; ++s) {
    const Index row = s / side;
    const Index column = s % side;
    noise(0, s) = kStep * static_cast<double>(row - kHalf);
    noise(1, s) = kStep * static_cast<double>(column - kHalf);
  }
  family.sample(noise.view(), z.view());
  const auto requests = estimator->requests(context);
  const tiles::Batch density = test::prior(banana, z, requests.at(0).wanted);
  const std::vector<tiles::ConstBatchView> densities = {density.view()};
  std::array<double, 2> mean{};
  std::array<double, 2> square{};
  for (Index s = 0; s < side * side; ++s) {
    const std::vector<Index> origins = {s};
    const estimators::SampleBlock block{noise.view(), z.view(), densities, origins, s, s + 1};
    std::vector<double> partial(static_cast<std::size_t>(estimator->partial_size(context)));
    std::vector<double> gradient(4);
    estimator->accumulate(context, block, partial);
    estimator->finish(context, block, partial, gradient);
    const double radius = noise(0, s) * noise(0, s) + noise(1, s) * noise(1, s);
    const double weight = kStep * kStep * std::exp(-radius / 2) / (2 * std::numbers::pi);
    for (std::size_t i = 0; i < 2; ++i) {
      mean[i] += weight * gradient[i];
      square[i] += weight * gradient[i] * gradient[i];
    }
  }
  return 0.5 * (square[0] - mean[0] * mean[0] + square[1] - mean[1] * mean[1]);
}

TEST(SeedsVariance, C7AndC8AreThoseOfQuadrature) {
  // SEEDS, by quadrature at the lecture's final q, to the digits printed there: 5.2; 0.92 and 0.28.
  EXPECT_NEAR(variance_of_means("sf_raw", {0.05686871, 0.33599067, 1.9444891, 1.0056936}), 5.2, 0.05);
  const std::array<double, 4> q = {0.032, 0.360, 1.925, 1.017};
  EXPECT_NEAR(variance_of_means("pw_cfe", q), 0.92, 0.005);
  EXPECT_NEAR(variance_of_means("stl", q), 0.28, 0.005);
}

TEST(SeedsReference, B3IsTheQuadratureOfItsPosterior) {
  const auto rows = points("logistic100.csv");
  const auto log_density = [&](double slope, double intercept) {
    double value = -(slope * slope + intercept * intercept) / 50;
    for (const auto& [x, y] : rows) {
      const double eta = intercept + slope * x;
      value += y * eta - std::max(eta, 0.0) - std::log1p(std::exp(-std::abs(eta)));
    }
    return value;
  };
  // Trapezoids over ten and more standard deviations.
  const int n = 140;
  const double top = log_density(2.5, -1.35);
  std::array<double, 6> moments{};
  for (int i = 0; i <= n; ++i) {
    for (int j = 0; j <= n; ++j) {
      const double slope = -2.0 + 11.0 * i / n;
      const double intercept = -6.0 + 8.5 * j / n;
      const double weight = std::exp(log_density(slope, intercept) - top);
      const std::array<double, 6> terms = {1, slope, intercept, slope * slope, intercept * intercept, slope * intercept};
      for (std::size_t k = 0; k < 6; ++k) moments[k] += weight * terms[k];
    }
  }
  for (std::size_t k = 1; k < 6; ++k) moments[k] /= moments[0];
  const double slope_sd = std::sqrt(moments[3] - moments[1] * moments[1]);
  const double intercept_sd = std::sqrt(moments[4] - moments[2] * moments[2]);
  const std::string text = read_text(seed("b3_logistic_regression"));
  const auto given = [&](const char* key) {
    const std::size_t at = text.find(std::string("\n") + key + " = [") + std::string(key).size() + 5;
    const std::size_t comma = text.find(',', at);
    return std::array<double, 2>{std::stod(text.substr(at, comma - at)), std::stod(text.substr(comma + 1))};
  };
  EXPECT_NEAR(given("mean")[0], moments[1], 1e-5);
  EXPECT_NEAR(given("mean")[1], moments[2], 1e-5);
  EXPECT_NEAR(given("sd")[0], slope_sd, 1e-5);
  EXPECT_NEAR(given("sd")[1], intercept_sd, 1e-5);
  EXPECT_NEAR((moments[5] - moments[1] * moments[2]) / slope_sd / intercept_sd, -0.564, 5e-4);
}

TEST_F(SeedsTest, C9IsBoundedByTheEvidenceAndCanPassTheLecture) {
  const auto cells = run_seed("c9_mixture_banana", {{"fit", "steps", "3000"}, {"fit", "repeats", "1"}, {"estimators", "samples", "128"}});
  const FitCellRecord& cell = cells.at(0);
  const double evidence = std::log(6 * std::numbers::pi);
  for (const FitRecord& fit : cell.fits) {
    EXPECT_LT(fit.objective.back(), evidence + 5 * fit.objective_error.back());
    EXPECT_GT(fit.objective.back(), 2.372);
  }
}

}  // namespace
}  // namespace variscope::testing
