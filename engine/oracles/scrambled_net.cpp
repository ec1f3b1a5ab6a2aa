/// Box integrals on the finest dyadic grid, summed up to coarser ones as pairs of points need them.
#include "engine/oracles/scrambled_net.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <bit>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <vector>

#include "engine/oracles/evaluation.hpp"
#include "engine/oracles/quadrature.hpp"
#include "engine/random/sobol.hpp"

namespace variscope::oracles {
namespace {

constexpr Index kMostPoints = 64;
constexpr int kMostDigits = 12;  // of all dimensions: 4096 boxes
constexpr double kRadius = 12;   // where the normal density ends, 1e-33 being left out

/// Gaussian rule of `count` nodes for the standard normal density on (low, high), weights adding up to its mass: recurrence coefficients
/// by the Stieltjes procedure on a fine Gauss-Legendre grid, nodes by Golub and Welsch 1969.
Rule cut_normal(double low, double high, std::size_t count) {
  const Rule fine = uniform(static_cast<Index>(std::ceil((high - low) / 0.25)), 16);
  std::vector<double> x;
  std::vector<double> w;
  double mass = 0;
  for (std::size_t i = 0; i < fine.size(); ++i) {
    x.push_back(low + (high - low) * fine.nodes[i]);
    w.push_back(fine.weights[i] * (high - low) * std::exp(-0.5 * x[i] * x[i]) / std::sqrt(2 * std::numbers::pi));
    mass += w[i];
  }
  Eigen::VectorXd diagonal(static_cast<Index>(count));
  Eigen::VectorXd beside(static_cast<Index>(count) - 1);
  std::vector<double> before(x.size(), 0.0);
  std::vector<double> now(x.size(), 1 / std::sqrt(mass));  // orthonormal
  double link = 0;
  for (std::size_t k = 0; k < count; ++k) {
    double centre = 0;
    for (std::size_t i = 0; i < x.size(); ++i) centre += w[i] * x[i] * now[i] * now[i];
    diagonal[static_cast<Index>(k)] = centre;
    if (k + 1 == count) break;
    double square = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double next = (x[i] - centre) * now[i] - link * before[i];
      before[i] = now[i];
      now[i] = next;
      square += w[i] * next * next;
    }
    link = std::sqrt(square);
    beside[static_cast<Index>(k)] = link;
    for (double& value : now) value /= link;
  }
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(diagonal, beside, Eigen::ComputeEigenvectors);
  Rule rule;
  for (Index i = 0; i < static_cast<Index>(count); ++i) {
    rule.nodes.push_back(solver.eigenvalues()[i]);
    rule.weights.push_back(mass * solver.eigenvectors()(0, i) * solver.eigenvectors()(0, i));
  }
  return rule;
}

/// The points' pairs by the number of leading digits that they share in each dimension.
std::map<std::vector<int>, double> shared_digits(std::size_t dim, Index samples) {
  const random::ScrambledSobol net(static_cast<Index>(dim), samples);
  std::map<std::vector<int>, double> pairs;
  for (Index i = 0; i < samples; ++i) {
    for (Index j = 0; j < i; ++j) {
      std::vector<int> common;
      for (std::size_t d = 0; d < dim; ++d)
        common.push_back(std::countl_zero(net.unscrambled(i, static_cast<Index>(d)) ^ net.unscrambled(j, static_cast<Index>(d))));
      pairs[common] += 2;  // either order
    }
  }
  return pairs;
}

/// `nodes` a dyadic interval of length 2^-digits and dimension.
EstimatorTruth on_grid(const models::Model& model, const LocationScale& q, estimators::Objective objective, Index samples, int digits,
                       std::size_t nodes) {
  const std::size_t intervals = std::size_t{1} << digits;
  Rule rule;  // of one dimension, interval after interval
  const boost::math::normal normal;
  double low = -kRadius;
  for (std::size_t j = 1; j <= intervals; ++j) {
    const double high = j == intervals ? kRadius : boost::math::quantile(normal, static_cast<double>(j) / static_cast<double>(intervals));
    const Rule part = cut_normal(low, high, nodes);
    rule.nodes.insert(rule.nodes.end(), part.nodes.begin(), part.nodes.end());
    rule.weights.insert(rule.weights.end(), part.weights.begin(), part.weights.end());
    low = high;
  }
  const std::size_t dim = q.dim;
  std::size_t total = 1;
  for (std::size_t d = 0; d < dim; ++d) total *= rule.size();
  std::vector<double> noise(total * dim);
  std::vector<double> points(total * dim);
  std::vector<double> weight(total, 1.0);
  std::vector<std::size_t> box(total, 0);  // interval of dimension d at digit d, base `intervals`
  std::size_t boxes = 1;
  for (std::size_t d = 0; d < dim; ++d) boxes *= intervals;
  for (std::size_t k = 0; k < total; ++k) {
    std::size_t rest = k;
    for (std::size_t d = 0; d < dim; ++d) {
      const std::size_t along = rest % rule.size();
      rest /= rule.size();
      noise[k * dim + d] = rule.nodes[along];
      weight[k] *= rule.weights[along];
      box[k] |= along / nodes << (static_cast<std::size_t>(digits) * d);
    }
    q.place(&noise[k * dim], &points[k * dim]);
  }
  const Density density = evaluate(model, points);
  const std::map<std::vector<int>, double> pairs = shared_digits(dim, samples);
  EstimatorTruth truth;
  const auto count = static_cast<double>(samples);
  std::vector<double> g(total);
  for (std::size_t p = 0; p < q.parameters(); ++p) {
    const bool location = p < dim;
    const LocationScale::Entry entry = location ? LocationScale::Entry{p, 0, 1.0} : q.entries[p - dim];
    double mean = 0;
    for (std::size_t k = 0; k < total; ++k) {
      const std::size_t at = k * (1 + dim) + 1 + entry.row;
      g[k] = (density.prior[at] + density.likelihood[at]) * (location ? 1.0 : entry.chain * noise[k * dim + entry.column]);
      mean += weight[k] * g[k];
    }
    double variance = 0;
    std::vector<double> finest(boxes, 0.0);
    for (std::size_t k = 0; k < total; ++k) {
      const double deviation = g[k] - mean;
      variance += weight[k] * deviation * deviation;
      finest[box[k]] += weight[k] * deviation;
    }
    double sum = count * variance;
    for (const auto& [common, times] : pairs) {
      std::vector<double> coarse(boxes, 0.0);  // at the box with its last digits cut off
      std::size_t opposite = 0;
      int level = 0;
      for (std::size_t d = 0; d < dim; ++d) {
        opposite |= std::size_t{1} << (static_cast<std::size_t>(digits) * d);
        level += common[d] + 1;
      }
      for (std::size_t b = 0; b < boxes; ++b) {
        std::size_t cut = 0;
        for (std::size_t d = 0; d < dim; ++d) {
          const std::size_t shift = static_cast<std::size_t>(digits) * d;
          cut |= ((b >> shift & (intervals - 1)) >> (digits - common[d] - 1)) << shift;
        }
        coarse[cut] += finest[b];
      }
      double product = 0;
      for (std::size_t b = 0; b < boxes; ++b) product += coarse[b] * coarse[(b ^ opposite) & (boxes - 1)];
      sum += times * std::ldexp(product, level);
    }
    truth.mean.push_back(mean + (objective == estimators::Objective::elbo ? q.entropy_slope(p) : 0.0));
    truth.variance.push_back(sum / (count * count));
  }
  return truth;
}

}  // namespace

std::optional<EstimatorTruth> scrambled_net_truth(const models::Model& model, const LocationScale& q, estimators::Objective objective,
                                                  Index samples) {
  if (q.dim > 3 || samples < 1 || samples > kMostPoints) return std::nullopt;
  const int digits = std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(samples - 1))));
  if (digits * static_cast<int>(q.dim) > kMostDigits) return std::nullopt;
  // Three nodes integrate the square of a quadratic gradient; where dimensions are few, more are cheap.
  const std::size_t fewer = q.dim == 3 ? 3 : q.dim == 1 ? 48 : digits > 3 ? 8 : 16;
  const EstimatorTruth rough = on_grid(model, q, objective, samples, digits, fewer);
  EstimatorTruth truth = on_grid(model, q, objective, samples, digits, fewer + fewer / 3);
  double size = 0;
  for (std::size_t p = 0; p < truth.mean.size(); ++p) {
    truth.error = std::max({truth.error, std::abs(truth.mean[p] - rough.mean[p]), std::abs(truth.variance[p] - rough.variance[p])});
    size = std::max({size, std::abs(truth.mean[p]), truth.variance[p]});
  }
  if (!(truth.error <= 1e-6 * size)) return std::nullopt;
  truth.error += 500 * std::numeric_limits<double>::epsilon() * size;
  return truth;
}

}  // namespace variscope::oracles
