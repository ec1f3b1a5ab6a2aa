/// One-dimensional integrals, one a row, and what each family makes of them.
#include "engine/oracles/local_truth.hpp"

#include <Eigen/Dense>
#include <array>
#include <cmath>
#include <stdexcept>

#include "engine/oracles/factored.hpp"
#include "engine/oracles/quadrature.hpp"
#include "engine/oracles/refine.hpp"

namespace variscope::oracles {
namespace {

/// E r, E r xi, Var r, Var(r xi).
std::array<double, 4> row_moments(const Rule& rule, double centre, double spread, double response) {
  std::array<double, 4> sum{};
  for (std::size_t i = 0; i < rule.size(); ++i) {
    const double xi = rule.nodes[i];
    const double r = response - 1.0 / (1.0 + std::exp(-(centre + spread * xi)));
    const double w = rule.weights[i];
    sum[0] += w * r;
    sum[1] += w * r * xi;
    sum[2] += w * r * r;
    sum[3] += w * r * xi * r * xi;
  }
  return {sum[0], sum[1], sum[2] - sum[0] * sum[0], sum[3] - sum[1] * sum[1]};
}

}  // namespace

NoiseComponents logistic_local_components(const LogisticProblem& problem, const std::string& family, std::span<const double> lambda) {
  const Factored q = factored(family, problem.dim, lambda);
  const auto dim = static_cast<std::size_t>(problem.dim);
  const auto rows = static_cast<std::size_t>(problem.rows);
  if (rows == 0 || problem.features.size() != rows * dim || problem.response.size() != rows)
    throw std::invalid_argument("oracles: rows x dim features and one response a row are needed");
  const std::size_t parameters = q.parameters();
  const auto count = static_cast<double>(rows);
  const double precision = 1.0 / (problem.prior_sd * problem.prior_sd);
  const Eigen::MatrixXd by_entropy = q.entropy_slope();
  // What prior and entropy add.
  std::vector<double> known;
  for (std::size_t d = 0; d < dim; ++d) known.push_back(-(q.mean[static_cast<Index>(d)] - problem.prior_mean) * precision);
  for (const auto& entry : q.entries) {
    const auto i = static_cast<Index>(entry.row);
    const auto c = static_cast<Index>(entry.column);
    known.push_back(entry.chain * (by_entropy(i, c) - precision * q.factor(i, c)));
  }
  const auto on_grid = [&](double step) {
    const Rule rule = trapezoidal(step);
    const std::vector<double> zero(parameters, 0.0);
    NoiseComponents result{known, zero, zero, zero, 0.0};
    std::vector<double> by_row(rows * parameters);
    for (std::size_t n = 0; n < rows; ++n) {
      const Eigen::Map<const Eigen::VectorXd> x(problem.features.data() + n * dim, problem.dim);
      const Eigen::VectorXd along = q.factor.transpose() * x;
      const double spread = along.norm();
      const auto [mean, tilt, variance, tilt_variance] = row_moments(rule, x.dot(q.mean), spread, problem.response[n]);
      for (std::size_t p = 0; p < parameters; ++p) {
        double rate = 0;
        if (p < dim) {
          rate = x[static_cast<Index>(p)];
        } else if (spread > 0) {
          const auto& entry = q.entries[p - dim];
          rate = entry.chain * x[static_cast<Index>(entry.row)] * along[static_cast<Index>(entry.column)] / spread;
        }
        by_row[n * parameters + p] = rate * (p < dim ? mean : tilt);
        result.gradient[p] += by_row[n * parameters + p];
        result.monte_carlo[p] += count * rate * rate * (p < dim ? variance : tilt_variance);
      }
    }
    for (std::size_t p = 0; p < parameters; ++p) {
      const double mean = (result.gradient[p] - known[p]) / count;
      for (std::size_t n = 0; n < rows; ++n)
        result.data[p] += count * (by_row[n * parameters + p] - mean) * (by_row[n * parameters + p] - mean);
    }
    return result;
  };
  return refine(0.5, 1.0 / 128, on_grid, [](const NoiseComponents& c) {
    std::vector<double> all = c.gradient;
    all.insert(all.end(), c.monte_carlo.begin(), c.monte_carlo.end());
    all.insert(all.end(), c.data.begin(), c.data.end());
    return all;
  });
}

EstimatorTruth logistic_local_truth(const LogisticProblem& problem, const std::string& family, std::span<const double> lambda,
                                    Index samples) {
  if (samples < 1) throw std::invalid_argument("logistic_local_truth: at least one sample");
  const NoiseComponents components = logistic_local_components(problem, family, lambda);
  EstimatorTruth truth{components.gradient, components.monte_carlo, components.error};
  for (double& v : truth.variance) v /= static_cast<double>(problem.rows * samples);
  return truth;
}

}  // namespace variscope::oracles
