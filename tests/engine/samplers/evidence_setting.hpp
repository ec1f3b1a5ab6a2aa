/// Targets whose evidence is known, and how far runs are from it.
#pragma once

#include <Eigen/Dense>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "engine/data/table.hpp"
#include "engine/diagnostics/evidence.hpp"
#include "engine/models/linear_regression.hpp"
#include "engine/models/normal_mixture.hpp"
#include "tests/engine/samplers/setting.hpp"

namespace variscope::test {

/// Conjugate linear regression, 30 rows and 2 coefficients: posterior and evidence in closed form.
struct KnownRegression {
  static constexpr Index kRows = 30;
  static constexpr double kNoise = 0.7;
  static constexpr double kPriorMean = 0.2;
  static constexpr double kPriorSd = 1.5;
  data::Table table;
  Eigen::MatrixXd precision = Eigen::MatrixXd::Identity(2, 2) / (kPriorSd * kPriorSd);
  Eigen::VectorXd mean;
  double log_evidence = 0;  ///< y ~ N(X m, noise^2 + prior^2 X X')

  KnownRegression() {
    table.rows = kRows;
    table.held = {0, kRows};
    table.columns = {"a", "b"};
    table.response_name = "y";
    for (std::uint32_t n = 0; n < kRows; ++n) {
      const random::Stream stream{5, random::Purpose::testing, 4, 0, n};
      const double a = 1 + 0.3 * random::normal(stream, 0);
      const double b = random::normal(stream, 1);
      table.design.insert(table.design.end(), {a, b});
      table.response.push_back(0.8 * a - 1.1 * b + kNoise * random::normal(stream, 2));
    }
    const Eigen::MatrixXd columns = Eigen::Map<const Eigen::MatrixXd>(table.design.data(), 2, kRows);
    const Eigen::MatrixXd x = columns.transpose();
    const Eigen::Map<const Eigen::VectorXd> y(table.response.data(), kRows);
    const Eigen::VectorXd prior = Eigen::VectorXd::Constant(2, kPriorMean);
    precision += columns * x / (kNoise * kNoise);
    mean = precision.ldlt().solve(columns * y / (kNoise * kNoise) + prior / (kPriorSd * kPriorSd));
    const Eigen::MatrixXd covariance = kNoise * kNoise * Eigen::MatrixXd::Identity(kRows, kRows) + kPriorSd * kPriorSd * x * columns;
    const Eigen::VectorXd apart = y - x * prior;
    const Eigen::LDLT<Eigen::MatrixXd> factor(covariance);
    log_evidence = -0.5 * apart.dot(factor.solve(apart)) - 0.5 * kRows * std::log(2 * std::numbers::pi);
    log_evidence -= 0.5 * factor.vectorD().array().log().sum();
  }
  [[nodiscard]] models::LinearRegression model() const { return {table, kNoise, kPriorMean, kPriorSd}; }
};

/// Seed B4: modes eight standard deviations apart; log evidence 0.
inline models::NormalMixture bimodal() { return {{0.2, 0.8}, {-0.3, 0.5}, {0.1, 0.1}}; }

/// How many standard errors chains are from what is known, chains being independent.
struct Distances {
  double evidence = 0;
  double evidence_error = 0;
  double moments = 0;  ///< the largest
  double moments_error = 0;
};

/// look(draw) gives functions of a draw whose means are 0. From draws behind the warm-up; log_evidence as of the last iteration.
template <class Look>
Distances distances(const samplers::Sampler& sampler, const models::Model& model, Index chains, Index warmup, Index draws,
                    double log_evidence, Look look, double radius = 2) {
  samplers::Start start;
  start.radius = radius;
  const Chains run(sampler, model, {31, warmup}, {0, chains}, warmup + draws, 1, start);
  const std::size_t place = place_of(sampler, "log_evidence");
  std::vector<double> estimates;
  std::vector<Eigen::VectorXd> own;
  for (std::size_t c = 0; c < static_cast<std::size_t>(chains); ++c) {
    estimates.push_back(run.trace.records[c].back()[place]);
    Eigen::VectorXd sum = look(run.trace.draws[c][static_cast<std::size_t>(warmup)]);
    for (Index k = warmup + 1; k < warmup + draws; ++k) sum += look(run.trace.draws[c][static_cast<std::size_t>(k)]);
    own.emplace_back(sum / static_cast<double>(draws));
  }
  const diagnostics::LogEvidence found = diagnostics::combine_log_evidence(estimates);
  Distances result;
  result.evidence = std::abs(std::expm1(found.value - log_evidence)) / found.error;
  result.evidence_error = found.error;
  for (Index f = 0; f < own[0].size(); ++f) {
    const auto n = static_cast<double>(chains);
    double mean = 0;
    double square = 0;
    for (const auto& x : own) mean += x[f] / n;
    for (const auto& x : own) square += (x[f] - mean) * (x[f] - mean);
    const double error = std::sqrt(square / (n * (n - 1)));
    result.moments = std::max(result.moments, std::abs(mean) / error);
    result.moments_error = std::max(result.moments_error, error);
  }
  return result;
}

/// U with precision = U^T U, two by two.
inline Eigen::MatrixXd upper_factor(const Eigen::MatrixXd& precision) {
  const double a = std::sqrt(precision(0, 0));
  const double b = precision(0, 1) / a;
  return Eigen::MatrixXd{{a, b}, {0.0, std::sqrt(precision(1, 1) - b * b)}};
}

/// Whitened coordinates of the regression's posterior, and their squares less 1.
inline auto whitened_moments(const KnownRegression& known) {
  const Eigen::MatrixXd upper = upper_factor(known.precision);
  return [upper, mean = known.mean](const std::vector<double>& draw) -> Eigen::VectorXd {
    const Eigen::VectorXd w = upper * (Eigen::Map<const Eigen::VectorXd>(draw.data(), 2) - mean);
    return Eigen::VectorXd{{w[0], w[1], w[0] * w[0] - 1, w[1] * w[1] - 1, w[0] * w[1]}};
  };
}

/// Weight of the right mode less its truth, place and spread within the modes.
inline Eigen::VectorXd bimodal_moments(const std::vector<double>& draw) {
  const double x = draw[0];
  // Between the modes, four standard deviations from either.
  const double right = x > 0.1 ? 1 : 0;
  const double tail = 0.5 * std::erfc(4 / std::sqrt(2.0));
  return Eigen::VectorXd{{right - (0.8 * (1 - tail) + 0.2 * tail), x - 0.34, x * x - (0.01 + 0.2 * 0.09 + 0.8 * 0.25)}};
}

}  // namespace variscope::test
