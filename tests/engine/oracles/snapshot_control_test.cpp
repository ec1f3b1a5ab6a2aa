/// Noise components of snapshot controls: closed forms against the definitions on a grid, row by row, with the production model.
#include "engine/oracles/snapshot_control.hpp"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

#include "engine/data/table.hpp"
#include "engine/models/linear_regression.hpp"
#include "engine/oracles/evaluation.hpp"
#include "engine/oracles/quadrature.hpp"
#include "tests/engine/oracles/small_models.hpp"

namespace variscope::oracles {
namespace {

using test::Point;

LinearProblem problem() { return {5, 2, {1.2, -1.5, 0.7, 0.3, -0.4, 1.1, 1.0, -0.4, 0.9, 2.0}, {0.7, -0.2, 1.9, 0.1, 2.4}, 0.8, 0.3, 1.5}; }

data::Table table(const LinearProblem& p) {
  data::Table t;
  t.rows = p.rows;
  t.held = {0, p.rows};
  t.columns = {"a", "b"};
  t.design.assign(p.features.begin(), p.features.end());
  t.response = p.response;
  return t;
}

const Point kLambda = {0.4, -0.2, std::log(0.5), std::log(0.7)};
const Point kSnapshot = {-0.1, 0.3, std::log(0.9), std::log(0.4)};

/// Row n's term of the gradient at these points (dim numbers each), from the model.
Point row_terms(const models::Model& model, Index row, const Point& points) {
  const auto dim = static_cast<std::size_t>(model.dim());
  const Density density = evaluate(model, points);
  Point slopes = evaluate_row(model, row, points);
  for (std::size_t k = 0; k < slopes.size(); ++k) {
    slopes[k] = static_cast<double>(model.rows()) * slopes[k] + density.prior[k / dim * (1 + dim) + 1 + k % dim];
  }
  return slopes;
}

/// One row's controlled gradient under one eps, from the papers: SVRG subtracts the row at m~; the joint control variate its second-order
/// Taylor expansion there, seen through the snapshot's z~ = m~ + s~ eps.
class Definition {
 public:
  Definition(const models::Model& model, const std::string& kind, Point lambda, Point snapshot)
      : model_(model), kind_(kind), lambda_(std::move(lambda)), snapshot_(std::move(snapshot)), dim_(lambda_.size() / 2) {
    for (Index n = 0; n < model.rows(); ++n) {
      Point centre(snapshot_.begin(), snapshot_.begin() + static_cast<std::ptrdiff_t>(dim_));
      slope_.push_back(row_terms(model, n, centre));
      Point hessian;  // the gradient is linear: one difference is the derivative
      for (std::size_t j = 0; j < dim_; ++j) {
        Point moved = centre;
        moved[j] += 1;
        const Point there = row_terms(model, n, moved);
        for (std::size_t i = 0; i < dim_; ++i) hessian.push_back(there[i] - slope_.back()[i]);
      }
      hessian_.push_back(hessian);
    }
  }

  Point operator()(std::size_t n, const Point& eps) const {
    Point z(dim_);
    for (std::size_t d = 0; d < dim_; ++d) z[d] = lambda_[d] + std::exp(lambda_[dim_ + d]) * eps[d];
    const Point g = row_terms(model_, static_cast<Index>(n), z);
    Point result(2 * dim_);
    for (std::size_t d = 0; d < dim_; ++d) {
      result[d] = g[d];
      result[dim_ + d] = g[d] * std::exp(lambda_[dim_ + d]) * eps[d] + 1.0;
      if (kind_ == "pw_cfe") continue;
      const double through = kind_ == "joint_cv" ? std::exp(snapshot_[dim_ + d]) * eps[d] : 0.0;
      result[d] += all(d) - control(n, d, eps);
      result[dim_ + d] -= control(n, d, eps) * through;
      if (kind_ == "joint_cv") result[dim_ + d] += bend(d) * std::exp(2.0 * snapshot_[dim_ + d]);
    }
    return result;
  }

 private:
  [[nodiscard]] double control(std::size_t n, std::size_t d, const Point& eps) const {
    double sum = slope_[n][d];
    for (std::size_t j = 0; j < dim_ && kind_ == "joint_cv"; ++j) {
      sum += hessian_[n][j * dim_ + d] * std::exp(snapshot_[dim_ + j]) * eps[j];
    }
    return sum;
  }
  /// Means over rows.
  [[nodiscard]] double all(std::size_t d) const {
    double sum = 0;
    for (const Point& slope : slope_) sum += slope[d] / static_cast<double>(slope_.size());
    return sum;
  }
  [[nodiscard]] double bend(std::size_t d) const {
    double sum = 0;
    for (const Point& hessian : hessian_) sum += hessian[d * dim_ + d] / static_cast<double>(slope_.size());
    return sum;
  }

  const models::Model& model_;
  std::string kind_;
  Point lambda_;
  Point snapshot_;
  std::size_t dim_;
  std::vector<Point> slope_;
  std::vector<Point> hessian_;
};

/// Components from the decomposition itself, two dimensions: exact for polynomials times normals but for rounding.
template <class Gradient>
NoiseComponents on_grid(const Gradient& gradient, std::size_t rows, std::size_t parameters) {
  const Rule rule = trapezoidal(0.5, 10.0);
  std::vector<std::vector<Point>> g(rows);  // [row][node]
  Point weight;
  for (std::size_t a = 0; a < rule.size(); ++a) {
    for (std::size_t b = 0; b < rule.size(); ++b) {
      weight.push_back(rule.weights[a] * rule.weights[b]);
      for (std::size_t n = 0; n < rows; ++n) g[n].push_back(gradient(n, {rule.nodes[a], rule.nodes[b]}));
    }
  }
  const auto count = static_cast<double>(rows);
  NoiseComponents result;
  for (std::size_t p = 0; p < parameters; ++p) {
    Point by_node(weight.size(), 0.0);
    Point by_row(rows, 0.0);
    double mean = 0;
    for (std::size_t n = 0; n < rows; ++n) {
      for (std::size_t k = 0; k < weight.size(); ++k) {
        by_node[k] += g[n][k][p] / count;
        by_row[n] += weight[k] * g[n][k][p];
      }
      mean += by_row[n] / count;
    }
    double monte_carlo = 0;
    double data = 0;
    double interaction = 0;
    for (std::size_t k = 0; k < weight.size(); ++k) monte_carlo += weight[k] * std::pow(by_node[k] - mean, 2);
    for (std::size_t n = 0; n < rows; ++n) {
      data += std::pow(by_row[n] - mean, 2) / count;
      for (std::size_t k = 0; k < weight.size(); ++k) {
        interaction += weight[k] * std::pow(g[n][k][p] - by_node[k] - by_row[n] + mean, 2) / count;
      }
    }
    result.gradient.push_back(mean);
    result.monte_carlo.push_back(monte_carlo);
    result.data.push_back(data);
    result.interaction.push_back(interaction);
  }
  return result;
}

/// Largest difference of two entries.
double difference(const NoiseComponents& a, const NoiseComponents& b) {
  double largest = 0;
  for (std::size_t p = 0; p < a.gradient.size(); ++p) {
    largest = std::max({largest, std::abs(a.gradient[p] - b.gradient[p]), std::abs(a.monte_carlo[p] - b.monte_carlo[p]),
                        std::abs(a.data[p] - b.data[p]), std::abs(a.interaction[p] - b.interaction[p])});
  }
  return largest;
}

TEST(SnapshotControl, MatchesTheDefinitionOnAGrid) {
  const LinearProblem p = problem();
  const data::Table rows = table(p);
  const models::LinearRegression model(rows, p.noise_sd, p.prior_mean, p.prior_sd);
  for (const char* name : {"pw_cfe", "svrg", "joint_cv"}) {
    const NoiseComponents exact = linear_components(name, p, kLambda, kSnapshot);
    const NoiseComponents brute = on_grid(Definition(model, name, kLambda, kSnapshot), 5, 4);
    // Squares of gradients of order 100, some 1700 nodes.
    EXPECT_LT(difference(exact, brute), 1e-9) << name;
    EXPECT_LT(exact.error, 1e-9) << name;
    // The broken twin: another snapshot's truth.
    const double other = difference(exact, linear_components(name, p, kLambda, kLambda));
    EXPECT_EQ(other > 0.1, name != std::string("pw_cfe")) << name;
  }
  // What knows nothing of snapshots agrees too.
  EXPECT_LT(difference(linear_components("pw_cfe", p, kLambda, kSnapshot), quadrature_components(model, kLambda)), 1e-9);
}

TEST(SnapshotControl, AtTheSnapshotItselfControlsAreExact) {
  const LinearProblem p = problem();
  const NoiseComponents plain = linear_components("pw_cfe", p, kLambda, kLambda);
  const NoiseComponents rows = linear_components("svrg", p, kLambda, kLambda);
  const NoiseComponents joint = linear_components("joint_cv", p, kLambda, kLambda);
  for (std::size_t i = 0; i < 4; ++i) {
    // SVRG takes the data noise of the mean and nothing else; on a quadratic the joint one takes all there is.
    EXPECT_EQ(rows.data[i], i < 2 ? 0.0 : plain.data[i]);
    EXPECT_EQ(rows.monte_carlo[i], plain.monte_carlo[i]);
    EXPECT_EQ(rows.interaction[i], plain.interaction[i]);
    EXPECT_GT(plain.data[i], 0.0);
    EXPECT_EQ(joint.monte_carlo[i] + joint.data[i] + joint.interaction[i], 0.0);
    EXPECT_NEAR(joint.gradient[i], plain.gradient[i], plain.error);
    EXPECT_NEAR(rows.gradient[i], plain.gradient[i], plain.error);
  }
}

/// Means at which the five rows were last seen.
const Point kPast = {-0.1, 0.3, 0.2, -0.4, -0.1, 0.3, 0.6, 0.1, 0.9, -0.5};

TEST(SnapshotControl, OfStoredGradientsEveryRowHasAPastOfItsOwn) {
  const LinearProblem p = problem();
  const data::Table rows = table(p);
  const models::LinearRegression model(rows, p.noise_sd, p.prior_mean, p.prior_sd);
  // Defazio et al., eq. 1: the row's likelihood at its own past is subtracted, the mean over rows of all of them added.
  const Definition plain(model, "pw_cfe", kLambda, kLambda);
  std::vector<Point> stored;
  Point mean(2, 0.0);
  for (std::size_t n = 0; n < 5; ++n) {
    stored.push_back(evaluate_row(model, static_cast<Index>(n), {kPast[2 * n], kPast[2 * n + 1]}));
    for (double& value : stored.back()) value *= 5;
    for (std::size_t d = 0; d < 2; ++d) mean[d] += stored.back()[d] / 5;
  }
  const auto controlled = [&](std::size_t n, const Point& eps) {
    Point g = plain(n, eps);
    for (std::size_t d = 0; d < 2; ++d) g[d] += mean[d] - stored[n][d];
    return g;
  };
  const NoiseComponents exact = linear_components("saga", p, kLambda, kPast);
  EXPECT_LT(difference(exact, on_grid(controlled, 5, 4)), 1e-9);
  // The twin: everybody's past the first row's, which is SVRG.
  const Point same = {-0.1, 0.3, -0.1, 0.3, -0.1, 0.3, -0.1, 0.3, -0.1, 0.3};
  const NoiseComponents equal = linear_components("saga", p, kLambda, same);
  EXPECT_LT(difference(equal, linear_components("svrg", p, kLambda, kSnapshot)), 1e-9);
  EXPECT_GT(difference(exact, equal), 0.1);
}

/// Every minibatch of a small population, drawn by hand: what the components make of B rows is what enumeration gives.
TEST(SnapshotControl, StoredGradientsByEnumerationOfAllMinibatches) {
  const LinearProblem p = problem();
  const data::Table rows = table(p);
  const models::LinearRegression model(rows, p.noise_sd, p.prior_mean, p.prior_sd);
  const NoiseComponents exact = linear_components("saga", p, kLambda, kPast);
  const Point mean = {kLambda[0], kLambda[1]};
  for (std::size_t d = 0; d < 2; ++d) {
    // Without Monte Carlo noise the mean's estimate is that at m: pairs of rows, N / B times each one's difference, plus the table's sum.
    double table_sum = 0;
    double whole = 0;
    std::vector<double> change;
    for (std::size_t n = 0; n < 5; ++n) {
      const auto row = static_cast<Index>(n);
      const double before = evaluate_row(model, row, {kPast[2 * n], kPast[2 * n + 1]})[d];
      const double now = evaluate_row(model, row, mean)[d];
      table_sum += before;
      whole += now;
      change.push_back(now - before);
    }
    double average = 0;
    double variance = 0;
    for (std::size_t a = 0; a < 5; ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        const double estimate = 2.5 * (change[a] + change[b]) + table_sum;
        average += estimate / 10;
        variance += (estimate - whole) * (estimate - whole) / 10;
      }
    }
    EXPECT_NEAR(average, whole, 1e-11);
    // s2_d fpc(B) / B, fpc = (5 - 2) / (5 - 1).
    EXPECT_NEAR(variance, exact.data[d] * 0.75 / 2, 1e-10 * (1 + exact.data[d]));
  }
}

TEST(SnapshotControl, RefusesWhatItCannotServe) {
  LinearProblem p = problem();
  EXPECT_THROW(linear_components("stl", p, kLambda, kSnapshot), std::invalid_argument);
  EXPECT_THROW(linear_components("svrg", p, kLambda, Point{0.1, 0.2}), std::invalid_argument);
  EXPECT_THROW(linear_components("saga", p, kLambda, kSnapshot), std::invalid_argument);
  p.response.pop_back();
  EXPECT_THROW(linear_components("svrg", p, kLambda, kSnapshot), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::oracles
