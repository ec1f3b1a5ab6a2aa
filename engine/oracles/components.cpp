/// Noise components: closed form for the normal mean, pairs of rows for logistic regression, brute quadrature for anything small.
#include "engine/oracles/components.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "engine/oracles/evaluation.hpp"
#include "engine/oracles/location_scale.hpp"
#include "engine/oracles/quadrature.hpp"
#include "engine/oracles/refine.hpp"

namespace variscope::oracles {
namespace {

double squared(double x) { return x * x; }

double sigmoid(double x) { return x >= 0 ? 1.0 / (1.0 + std::exp(-x)) : std::exp(x) / (1.0 + std::exp(x)); }

NoiseComponents zeros(std::size_t parameters) {
  const std::vector<double> zero(parameters, 0.0);
  return {zero, zero, zero, zero, 0.0};
}

std::vector<double> flat(const NoiseComponents& c) {
  std::vector<double> all;
  for (const auto* part : {&c.gradient, &c.monte_carlo, &c.data, &c.interaction}) all.insert(all.end(), part->begin(), part->end());
  return all;
}

/// The rows seen through q: row n's linear predictor is centre + spread t, t ~ N(0,1).
struct Rows {
  const LogisticProblem& problem;
  std::size_t rows;
  std::size_t dim;
  std::vector<double> mean;
  std::vector<double> scale;
  std::vector<double> centre;
  std::vector<double> spread;

  Rows(const LogisticProblem& given, std::span<const double> lambda)
      : problem(given), rows(static_cast<std::size_t>(given.rows)), dim(static_cast<std::size_t>(given.dim)) {
    if (rows == 0 || dim == 0 || given.features.size() != rows * dim || given.response.size() != rows || lambda.size() != 2 * dim) {
      throw std::invalid_argument("oracles: rows x dim features, one response a row and 2 dim parameters are needed");
    }
    for (std::size_t d = 0; d < dim; ++d) {
      mean.push_back(lambda[d]);
      scale.push_back(std::exp(lambda[dim + d]));
    }
    for (std::size_t n = 0; n < rows; ++n) {
      double c = 0;
      double v = 0;
      for (std::size_t d = 0; d < dim; ++d) {
        c += x(n, d) * mean[d];
        v += squared(x(n, d) * scale[d]);
      }
      centre.push_back(c);
      spread.push_back(std::sqrt(v));
    }
  }
  [[nodiscard]] double x(std::size_t n, std::size_t d) const { return problem.features[n * dim + d]; }
  [[nodiscard]] double residual(std::size_t n, double t) const { return problem.response[n] - sigmoid(centre[n] + spread[n] * t); }
  /// Cov(eps_d, t_n).
  [[nodiscard]] double along(std::size_t n, std::size_t d) const { return spread[n] > 0 ? x(n, d) * scale[d] / spread[n] : 0.0; }
  [[nodiscard]] double correlation(std::size_t n, std::size_t m) const {
    double sum = 0;
    for (std::size_t d = 0; d < dim; ++d) sum += along(n, d) * along(m, d);
    return std::clamp(sum, -1.0, 1.0);
  }
};

/// E[r t^k] and E[r^2 t^k] of one row, k = 0, 1, 2 (r alone up to 3).
struct RowMoments {
  std::array<double, 4> first{};
  std::array<double, 3> second{};
};

RowMoments row_moments(const Rows& rows, std::size_t n, const Rule& rule) {
  RowMoments moments;
  for (std::size_t i = 0; i < rule.size(); ++i) {
    const double t = rule.nodes[i];
    const double r = rows.residual(n, t);
    double power = rule.weights[i];
    for (std::size_t k = 0; k < 4; ++k, power *= t) {
      moments.first[k] += power * r;
      if (k < 3) moments.second[k] += power * r * r;
    }
  }
  return moments;
}

/// E[r_n r_m p(t)] for p = 1, t_n^2, t_n w, w^2, where t_m = rho t_n + sqrt(1 - rho^2) w.
struct PairMoments {
  double plain = 0;
  double first_square = 0;
  double mixed = 0;
  double second_square = 0;
};

PairMoments pair_moments(const Rows& rows, std::size_t n, std::size_t m, double rho, double rest, const Rule& rule) {
  PairMoments moments;
  for (std::size_t i = 0; i < rule.size(); ++i) {
    const double t = rule.nodes[i];
    const double left = rule.weights[i] * rows.residual(n, t);
    if (std::abs(left) < 1e-40) continue;
    for (std::size_t j = 0; j < rule.size(); ++j) {
      const double w = rule.nodes[j];
      const double product = left * rule.weights[j] * rows.residual(m, rho * t + rest * w);
      moments.plain += product;
      moments.first_square += product * t * t;
      moments.mixed += product * t * w;
      moments.second_square += product * w * w;
    }
  }
  return moments;
}

/// The prior's slope in coordinate d is alpha + beta eps_d; every expectation of products with residuals follows from the conditional
/// moments of eps_d given the linear predictors, which are jointly normal.
NoiseComponents logistic_on_grid(const Rows& rows, double step) {
  const Rule rule = trapezoidal(step);
  const std::size_t dim = rows.dim;
  const auto count = static_cast<double>(rows.rows);
  const double precision = 1.0 / squared(rows.problem.prior_sd);
  std::vector<RowMoments> single;
  for (std::size_t n = 0; n < rows.rows; ++n) single.push_back(row_moments(rows, n, rule));
  NoiseComponents result = zeros(2 * dim);
  std::vector<double> full(2 * dim, 0.0);    // E of the squared full-data gradient, entropy apart
  std::vector<double> lonely(2 * dim, 0.0);  // E over rows and noise of the squared single-row gradient
  for (std::size_t d = 0; d < dim; ++d) {
    const double s = rows.scale[d];
    const double alpha = -(rows.mean[d] - rows.problem.prior_mean) * precision;
    const double beta = -s * precision;
    full[d] += squared(alpha) + squared(beta);
    full[dim + d] += s * s * (squared(alpha) + 3.0 * squared(beta));
    lonely[d] = full[d];
    lonely[dim + d] = full[dim + d];
    result.gradient[d] = alpha;
    result.gradient[dim + d] = s * beta;
    std::vector<double> by_row(2 * rows.rows);
    for (std::size_t n = 0; n < rows.rows; ++n) {
      const RowMoments& one = single[n];
      const double a = rows.along(n, d);
      const double x = rows.x(n, d);
      const double left = 1.0 - a * a;                                 // Var(eps_d | t_n)
      const double eps1 = a * one.first[1];                            // E[r eps_d]
      const double eps2 = a * a * one.first[2] + left * one.first[0];  // E[r eps_d^2]
      const double eps3 = a * a * a * one.first[3] + 3.0 * a * left * one.first[1];
      const double location = 2.0 * x * (alpha * one.first[0] + beta * eps1);  // 2 E[x r prior]
      const double scale = 2.0 * x * s * s * (alpha * eps2 + beta * eps3);
      full[d] += location;
      full[dim + d] += scale;
      lonely[d] += location + count * x * x * one.second[0];
      lonely[dim + d] += scale + count * x * x * s * s * (a * a * one.second[2] + left * one.second[0]);
      result.gradient[d] += x * one.first[0];
      result.gradient[dim + d] += x * s * eps1;
      by_row[n] = count * x * one.first[0];
      by_row[rows.rows + n] = count * x * s * eps1;
    }
    for (std::size_t block = 0; block < 2; ++block) {
      double mean = 0;
      for (std::size_t n = 0; n < rows.rows; ++n) mean += by_row[block * rows.rows + n] / count;
      double& data = result.data[block * dim + d];
      for (std::size_t n = 0; n < rows.rows; ++n) data += squared(by_row[block * rows.rows + n] - mean) / count;
    }
  }
  for (std::size_t n = 0; n < rows.rows; ++n) {
    for (std::size_t m = 0; m <= n; ++m) {
      const double rho = n == m ? 1.0 : rows.correlation(n, m);
      const double gap = 1.0 - rho * rho;
      const bool collinear = gap < 1e-13;
      const double rest = collinear ? 0.0 : std::sqrt(gap);
      const PairMoments pair = n == m ? PairMoments{single[n].second[0], single[n].second[2], 0.0, single[n].second[0]}
                                      : pair_moments(rows, n, m, rho, rest, rule);
      const double twice = n == m ? 1.0 : 2.0;
      for (std::size_t d = 0; d < dim; ++d) {
        const double a = rows.along(n, d);
        const double b = collinear ? 0.0 : (rows.along(m, d) - rho * a) / rest;
        const double square = a * a * pair.first_square + 2.0 * a * b * pair.mixed + b * b * pair.second_square +
                              (1.0 - a * a - b * b) * pair.plain;  // E[r_n r_m eps_d^2]
        const double x = twice * rows.x(n, d) * rows.x(m, d);
        full[d] += x * pair.plain;
        full[dim + d] += x * squared(rows.scale[d]) * square;
      }
    }
  }
  for (std::size_t p = 0; p < 2 * dim; ++p) {
    const double centre = squared(result.gradient[p]);  // without the entropy, a constant
    result.monte_carlo[p] = full[p] - centre;
    result.interaction[p] = lonely[p] - centre - result.monte_carlo[p] - result.data[p];
    if (p >= dim) result.gradient[p] += 1.0;
  }
  return result;
}

}  // namespace

NoiseComponents normal_mean_components(std::span<const double> y, double noise_sd, double prior_mean, double prior_sd,
                                       std::span<const double> lambda) {
  if (y.empty() || lambda.size() != 2) throw std::invalid_argument("oracles: the normal mean needs data and two parameters");
  const auto count = static_cast<double>(y.size());
  double mean = 0;
  for (const double v : y) mean += v / count;
  double variance = 0;
  for (const double v : y) variance += squared(v - mean) / count;
  const double w = 1.0 / squared(noise_sd);
  const double precision = count * w + 1.0 / squared(prior_sd);
  const double residual = count * w * (mean - lambda[0]) - (lambda[0] - prior_mean) / squared(prior_sd);
  const double square = std::exp(2.0 * lambda[1]);
  const double rows = squared(count * w) * variance;
  NoiseComponents result;
  result.gradient = {residual, 1.0 - precision * square};
  result.monte_carlo = {squared(precision) * square, square * squared(residual) + 2.0 * squared(precision * square)};
  result.data = {rows, 0.0};
  result.interaction = {0.0, square * rows};
  for (const double v : flat(result)) result.error = std::max(result.error, 100.0 * std::numeric_limits<double>::epsilon() * std::abs(v));
  return result;
}

NoiseComponents logistic_components(const LogisticProblem& problem, std::span<const double> lambda) {
  if (problem.rows > 12) throw std::invalid_argument("logistic_components: at most 12 rows");
  const Rows rows(problem, lambda);
  return refine(
      0.5, 1.0 / 16, [&](double step) { return logistic_on_grid(rows, step); }, flat);
}

NoiseComponents quadrature_components(const models::Model& model, std::span<const double> lambda) {
  const LocationScale q = mean_field(lambda);
  if (q.dim > 2 || model.rows() < 1 || static_cast<Index>(q.dim) != model.dim()) {
    throw std::invalid_argument("quadrature_components: a model with data, of one or two dimensions");
  }
  const std::size_t dim = q.dim;
  const auto rows = static_cast<std::size_t>(model.rows());
  const auto count = static_cast<double>(rows);
  const auto on_grid = [&](double step) {
    const Rule rule = trapezoidal(step, 10.0);
    const std::size_t total = dim == 1 ? rule.size() : rule.size() * rule.size();
    std::vector<double> weight(total, 1.0);
    std::vector<double> noise(total * dim);
    std::vector<double> points(total * dim);
    for (std::size_t k = 0; k < total; ++k) {
      const std::array<std::size_t, 2> at = {k % rule.size(), k / rule.size()};
      for (std::size_t d = 0; d < dim; ++d) {
        weight[k] *= rule.weights[at[d]];
        noise[k * dim + d] = rule.nodes[at[d]];
      }
      q.place(&noise[k * dim], &points[k * dim]);
    }
    const Density density = evaluate(model, points);
    std::vector<std::vector<double>> slopes;
    for (std::size_t n = 0; n < rows; ++n) slopes.push_back(evaluate_row(model, static_cast<Index>(n), points));
    NoiseComponents result = zeros(2 * dim);
    for (std::size_t p = 0; p < 2 * dim; ++p) {
      const std::size_t d = p % dim;
      const auto through = [&](std::size_t k) { return p < dim ? 1.0 : q.at(d, d) * noise[k * dim + d]; };
      const auto prior = [&](std::size_t k) { return density.prior[k * (1 + dim) + 1 + d]; };
      const auto full = [&](std::size_t k) { return (prior(k) + density.likelihood[k * (1 + dim) + 1 + d]) * through(k); };
      const auto alone = [&](std::size_t n, std::size_t k) { return (prior(k) + count * slopes[n][k * dim + d]) * through(k); };
      double mean = 0;
      for (std::size_t k = 0; k < total; ++k) mean += weight[k] * full(k);
      for (std::size_t k = 0; k < total; ++k) result.monte_carlo[p] += weight[k] * squared(full(k) - mean);
      for (std::size_t n = 0; n < rows; ++n) {
        double by_row = 0;
        for (std::size_t k = 0; k < total; ++k) by_row += weight[k] * alone(n, k);
        result.data[p] += squared(by_row - mean) / count;
        for (std::size_t k = 0; k < total; ++k) {
          result.interaction[p] += weight[k] * squared(alone(n, k) - full(k) - by_row + mean) / count;
        }
      }
      result.gradient[p] = mean + (p < dim ? 0.0 : 1.0);
    }
    return result;
  };
  return refine(0.5, dim == 1 ? 1.0 / 64 : 1.0 / 16, on_grid, flat);
}

}  // namespace variscope::oracles
