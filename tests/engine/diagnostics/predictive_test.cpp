/// Posterior predictive against closed forms (conjugate linear regression), quadrature (logistic), and its own calibration over many data
/// sets; a twin that plugs in the posterior mean must fail.
#include "engine/diagnostics/predictive.hpp"

#include <gtest/gtest.h>

#include <array>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

namespace variscope::diagnostics {
namespace {

constexpr std::size_t kDim = 3;
using Vector = std::array<double, kDim>;
using Square = std::array<Vector, kDim>;
using Draws = std::vector<Vector>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < kDim; ++i) sum += a[i] * b[i];
  return sum;
}

/// Lower Cholesky factor, the plain algorithm.
Square cholesky(Square a) {
  for (std::size_t i = 0; i < kDim; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      for (std::size_t k = 0; k < j; ++k) a[i][j] -= a[i][k] * a[j][k];
      a[i][j] = i == j ? std::sqrt(a[i][i]) : a[i][j] / a[j][j];
    }
    for (std::size_t j = i + 1; j < kDim; ++j) a[i][j] = 0;
  }
  return a;
}

/// (L L')^-1 b.
Vector solve(const Square& factor, Vector b) {
  for (std::size_t i = 0; i < kDim; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= factor[i][k] * b[k];
    b[i] /= factor[i][i];
  }
  for (std::size_t i = kDim; i-- > 0;) {
    for (std::size_t k = i + 1; k < kDim; ++k) b[i] -= factor[k][i] * b[k];
    b[i] /= factor[i][i];
  }
  return b;
}

/// y ~ N(x'beta, noise^2), beta ~ N(0, I): the posterior in closed form.
struct Conjugate {
  double noise = 1;
  Vector mean{};
  Square covariance{};
  Square root{};

  Conjugate(const Draws& x, const std::vector<double>& y, double noise_sd) : noise(noise_sd) {
    Square precision{};
    Vector pull{};
    for (std::size_t i = 0; i < kDim; ++i) {
      precision[i][i] = 1;
      for (std::size_t n = 0; n < x.size(); ++n) {
        pull[i] += x[n][i] * y[n] / (noise * noise);
        for (std::size_t j = 0; j < kDim; ++j) precision[i][j] += x[n][i] * x[n][j] / (noise * noise);
      }
    }
    const Square factor = cholesky(precision);
    mean = solve(factor, pull);
    for (std::size_t i = 0; i < kDim; ++i) {
      Vector unit{};
      unit[i] = 1;
      covariance[i] = solve(factor, unit);
    }
    root = cholesky(covariance);
  }
  [[nodiscard]] double predictive_sd(const Vector& at) const {
    double variance = noise * noise;
    for (std::size_t i = 0; i < kDim; ++i) variance += at[i] * dot(covariance[i], at);
    return std::sqrt(variance);
  }
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  double normal() { return normal_(engine_); }
  Vector vector() { return {normal(), normal(), normal()}; }
  Draws vectors(Index n) {
    Draws all;
    for (Index i = 0; i < n; ++i) all.push_back(vector());
    return all;
  }
  /// x'beta plus noise.
  std::vector<double> responses(const Draws& x, const Vector& beta, double noise) {
    std::vector<double> y;
    for (const Vector& row : x) y.push_back(dot(row, beta) + noise * normal());
    return y;
  }

 private:
  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
};

/// Prediction of one row by draws of beta.
struct Drawn {
  RowPrediction row;
  std::vector<double> log_density;

  Drawn(const Conjugate& posterior, const Draws& betas, const Vector& at, double response, Random& random) {
    std::vector<double> mean;
    std::vector<double> simulated;
    for (const Vector& beta : betas) {
      mean.push_back(dot(at, beta));
      simulated.push_back(mean.back() + posterior.noise * random.normal());
      const double z = (response - mean.back()) / posterior.noise;
      log_density.push_back(-0.5 * z * z - std::log(posterior.noise) - 0.5 * std::log(2 * std::numbers::pi));
    }
    row = predict_row(mean, simulated, log_density);
  }
};

/// plug_in: every draw is the posterior mean.
Draws posterior_draws(const Conjugate& posterior, Index draws, Random& random, bool plug_in = false) {
  if (plug_in) return Draws(static_cast<std::size_t>(draws), posterior.mean);
  Draws betas = random.vectors(draws);
  for (Vector& beta : betas) {
    const Vector z = beta;
    for (std::size_t i = 0; i < kDim; ++i) beta[i] = posterior.mean[i] + dot(posterior.root[i], z);
  }
  return betas;
}

Conjugate example(Random& random, Index rows, double noise) {
  const Draws x = random.vectors(rows);
  const Vector beta = random.vector();
  return {x, random.responses(x, beta, noise), noise};
}

TEST(Predictive, BandsAreOrderStatisticsOfKnownProbability) {
  // Of S + 1 exchangeable values the last one's rank is uniform: P(between the k-th and the (S + 1 - k)-th of the others) = 1 - 2k/(S+1).
  EXPECT_EQ(band_position(0.95, 1000), 25);
  EXPECT_DOUBLE_EQ(band_probability(0.95, 1000), 1 - 50.0 / 1001);
  EXPECT_EQ(band_position(0.95, 10), 1);
  std::vector<double> mean(100, 0.0);
  std::vector<double> simulated;
  for (int i = 99; i >= 0; --i) simulated.push_back(i);
  const RowPrediction row = predict_row(mean, simulated, {});
  EXPECT_EQ(row.lower[0], 24);  // k = 25
  EXPECT_EQ(row.upper[0], 75);
  EXPECT_EQ(row.median, 49.5);
  EXPECT_TRUE(std::isnan(row.log_density));
}

TEST(Predictive, OfLinearRegressionIsTheNormalOfTheClosedForm) {
  // 20 rows x 8 scores, each past 5 standard errors with probability 6e-7: 1e-4 in all.
  Random random(3);
  const Conjugate posterior = example(random, 8, 0.8);
  const Index draws = 20000;
  const boost::math::normal standard;
  for (int n = 0; n < 20; ++n) {
    const Vector at = random.vector();
    const Draws beta = posterior_draws(posterior, draws, random);
    const double center = dot(at, posterior.mean);
    const double sd = posterior.predictive_sd(at);
    const double response = center + sd * random.normal();
    const Drawn drawn(posterior, beta, at, response, random);
    const double root = std::sqrt(static_cast<double>(draws));
    EXPECT_LT(std::abs(drawn.row.mean - center), 5 * sd / root);
    EXPECT_LT(std::abs(drawn.row.sd - sd), 5 * sd / root / std::sqrt(2.0));
    for (std::size_t b = 0; b < kBands.size(); ++b) {
      const double tail = (1 - kBands[b]) / 2;
      const double z = boost::math::quantile(standard, 1 - tail);
      const double error = std::sqrt(tail * (1 - tail)) / root / boost::math::pdf(standard, z) * sd;
      EXPECT_LT(std::abs(drawn.row.upper[b] - center - z * sd), 5 * error);
      EXPECT_LT(std::abs(drawn.row.lower[b] - center + z * sd), 5 * error);
    }
    const double z = (response - center) / sd;
    const double exact = -0.5 * z * z - std::log(sd) - 0.5 * std::log(2 * std::numbers::pi);
    EXPECT_LT(std::abs(drawn.row.log_density - exact), 5 * drawn.row.log_density_error);
    EXPECT_GT(drawn.row.log_density_error, 0);
  }
}

TEST(Predictive, LogDensityOfALogisticRowAgreesWithQuadrature) {
  Random random(5);
  for (const double m : {-2.0, 0.3, 4.0}) {
    const double s = 1.3;
    // Trapezoids of a smooth integrand that vanishes at both ends: exact to rounding.
    double exact = 0;
    for (int i = -1200; i <= 1200; ++i) {
      const double u = i / 100.0;
      exact += std::exp(-u * u / 2) / std::sqrt(2 * std::numbers::pi) / 100 / (1 + std::exp(-m - s * u));
    }
    const std::size_t draws = 20000;
    std::vector<double> mean;
    std::vector<double> log_density;
    for (std::size_t i = 0; i < draws; ++i) {
      const double eta = m + s * random.normal();
      mean.push_back(1 / (1 + std::exp(-eta)));
      log_density.push_back(-std::log1p(std::exp(-eta)));
    }
    std::vector<double> simulated = mean;
    const RowPrediction row = predict_row(mean, simulated, log_density);
    EXPECT_LT(std::abs(row.log_density - std::log(exact)), 5 * row.log_density_error);
    // Jensen: the mean of the log densities is another number, and far away.
    double inner = 0;
    for (const double value : log_density) inner += value / static_cast<double>(draws);
    EXPECT_GT(std::abs(inner - std::log(exact)), 5 * row.log_density_error);
  }
}

/// Coverage of 400 data sets from the prior, 10 new rows each, in standard errors (over data sets) from the bands' probability.
std::array<double, kBands.size()> coverage_scores(bool plug_in) {
  Random random(17);
  const Index draws = 400;
  const int sets = 400;
  const int rows = 10;
  std::array<double, kBands.size()> sum{};
  std::array<double, kBands.size()> square{};
  for (int set = 0; set < sets; ++set) {
    const Draws x = random.vectors(6);
    const Vector truth = random.vector();
    const Conjugate posterior(x, random.responses(x, truth, 1.0), 1.0);
    const Draws beta = posterior_draws(posterior, draws, random, plug_in);
    std::vector<double> partial(PredictiveSummary::size(draws));
    for (int n = 0; n < rows; ++n) {
      const Vector at = random.vector();
      const double response = dot(at, truth) + random.normal();
      const Drawn drawn(posterior, beta, at, response, random);
      PredictiveSummary::add(drawn.row, response, drawn.log_density, partial);
    }
    const PredictiveFigures figures = PredictiveSummary::figures(partial);
    for (std::size_t b = 0; b < kBands.size(); ++b) {
      const double deviation = figures.coverage[b] - band_probability(kBands[b], draws);
      sum[b] += deviation;
      square[b] += deviation * deviation;
    }
  }
  std::array<double, kBands.size()> scores{};
  for (std::size_t b = 0; b < kBands.size(); ++b)
    scores[b] = sum[b] / sets / std::sqrt((square[b] / sets - sum[b] / sets * sum[b] / sets) / sets);
  return scores;
}

// Bands are calibrated on average over prior and data. 3 scores past 4 by chance: 2e-4.
TEST(Predictive, CoverageIsNominalOverThePrior) {
  for (const double score : coverage_scores(false)) EXPECT_LT(std::abs(score), 4);
}

TEST(Predictive, PluggingInThePosteriorMeanIsCaught) {
  for (const double score : coverage_scores(true)) EXPECT_LT(score, -4);
}

TEST(Predictive, SummariesMergeToTheFiguresOfAllRows) {
  Random random(7);
  const Conjugate posterior = example(random, 12, 0.5);
  const Index draws = 120;
  const Index rows = 40;
  const Draws beta = posterior_draws(posterior, draws, random);
  std::vector<Drawn> all;
  std::vector<double> responses;
  for (Index n = 0; n < rows; ++n) {
    const Vector at = random.vector();
    responses.push_back(dot(at, posterior.mean) + posterior.predictive_sd(at) * random.normal());
    all.emplace_back(posterior, beta, at, responses.back(), random);
  }
  // Three parts of different sizes, one of them empty.
  const auto part = [&](std::size_t first, std::size_t last) {
    std::vector<double> partial(PredictiveSummary::size(draws));
    for (std::size_t n = first; n < last; ++n) PredictiveSummary::add(all[n].row, responses[n], all[n].log_density, partial);
    return partial;
  };
  std::vector<double> whole = part(0, 7);
  PredictiveSummary::merge(whole, part(7, 7));
  PredictiveSummary::merge(whole, part(7, 40));
  const PredictiveFigures figures = PredictiveSummary::figures(whole);

  double mean = 0;
  double square_error = 0;
  for (std::size_t n = 0; n < all.size(); ++n) {
    mean += all[n].row.log_density / static_cast<double>(rows);
    square_error += std::pow(all[n].row.mean - responses[n], 2) / static_cast<double>(rows);
  }
  double spread = 0;
  double error_spread = 0;
  std::array<double, kBands.size()> inside{};
  for (std::size_t n = 0; n < all.size(); ++n) {
    spread += std::pow(all[n].row.log_density - mean, 2);
    error_spread += std::pow(std::pow(all[n].row.mean - responses[n], 2) - square_error, 2);
    for (std::size_t b = 0; b < kBands.size(); ++b)
      inside[b] += all[n].row.lower[b] <= responses[n] && responses[n] <= all[n].row.upper[b] ? 1.0 / rows : 0.0;
  }
  EXPECT_EQ(figures.rows, rows);
  EXPECT_NEAR(figures.log_density, mean, 1e-12);
  EXPECT_NEAR(figures.log_density_error, std::sqrt(spread / (rows - 1) / rows), 1e-12);
  EXPECT_NEAR(figures.rmse, std::sqrt(square_error), 1e-12);
  EXPECT_NEAR(figures.rmse_error, std::sqrt(error_spread / (rows - 1) / rows) / (2 * figures.rmse), 1e-12);
  for (std::size_t b = 0; b < kBands.size(); ++b) EXPECT_NEAR(figures.coverage[b], inside[b], 1e-12);
}

TEST(Predictive, MonteCarloErrorKnowsThatRowsShareTheirDraws) {
  // The summed log density of 30 rows by 300 sets of draws: its spread over the sets against the mean error claimed. The ratio of variances
  // has a relative standard error of sqrt(2 / 299) = 0.082; beyond 5 of them with probability 6e-7. The rows lie near each other and their
  // responses above what is predicted, so that a draw helps or harms all of them: rows taken for independent claim far too little. (Rows in
  // all directions cancel most of what they share.)
  Random random(23);
  const Conjugate posterior = example(random, 8, 0.8);
  const Vector common = random.vector();
  Draws at = random.vectors(30);
  std::vector<double> responses;
  for (Vector& row : at) {
    for (std::size_t i = 0; i < kDim; ++i) row[i] = common[i] + 0.2 * row[i];
    responses.push_back(dot(row, posterior.mean) + 0.8);
  }
  const Index draws = 500;
  const int sets = 300;
  double sum = 0;
  double square = 0;
  double claimed = 0;
  double independent = 0;
  for (int set = 0; set < sets; ++set) {
    const Draws beta = posterior_draws(posterior, draws, random);
    std::vector<double> partial(PredictiveSummary::size(draws));
    double errors = 0;
    for (std::size_t n = 0; n < at.size(); ++n) {
      const Drawn drawn(posterior, beta, at[n], responses[n], random);
      PredictiveSummary::add(drawn.row, responses[n], drawn.log_density, partial);
      errors += drawn.row.log_density_error * drawn.row.log_density_error;
    }
    const PredictiveFigures figures = PredictiveSummary::figures(partial);
    sum += figures.log_density;
    square += figures.log_density * figures.log_density;
    claimed += figures.monte_carlo_error * figures.monte_carlo_error / sets;
    independent += errors / 30 / 30 / sets;
  }
  const double variance = (square - sum * sum / sets) / (sets - 1);
  const double tolerance = 5 * std::sqrt(2.0 / (sets - 1));
  EXPECT_LT(std::abs(variance / claimed - 1), tolerance);
  EXPECT_GT(variance / independent, 5);
}

}  // namespace
}  // namespace variscope::diagnostics
