/// Bernoulli estimators: sums over corners, over the pieces of the uniforms, and one-dimensional quadrature for relaxations.
#include "engine/oracles/bernoulli.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "engine/oracles/evaluation.hpp"
#include "engine/oracles/gaussian_variance.hpp"
#include "engine/oracles/quadrature.hpp"
#include "engine/oracles/refine.hpp"
#include "engine/oracles/score_truth.hpp"

namespace variscope::oracles {
namespace {

using estimators::Objective;
using models::Model;

constexpr std::size_t kMostCorners = 12;
constexpr std::size_t kMostPieces = 9;

double sigmoid(double x) { return x >= 0 ? 1.0 / (1.0 + std::exp(-x)) : std::exp(x) / (1.0 + std::exp(x)); }
double log_sigmoid(double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); }

bool bit(std::size_t corner, std::size_t d) { return (corner >> d & 1U) != 0; }

/// The target on all corners, and q.
struct Cube {
  std::size_t dim;
  std::vector<double> logit;
  std::vector<double> on;  ///< s
  std::vector<double> weight;
  Density density;

  Cube(const Model& model, std::span<const double> logits) : dim(logits.size()), logit(logits.begin(), logits.end()) {
    if (dim < 1 || dim > kMostCorners || static_cast<Index>(dim) != model.dim()) {
      throw std::invalid_argument("bernoulli: one logit per coordinate of the model, at most 12");
    }
    for (const double phi : logit) on.push_back(sigmoid(phi));
    std::vector<double> points;
    for (std::size_t corner = 0; corner < corners(); ++corner) {
      double w = 1;
      for (std::size_t d = 0; d < dim; ++d) {
        w *= bit(corner, d) ? on[d] : sigmoid(-logit[d]);
        points.push_back(bit(corner, d) ? 1.0 : 0.0);
      }
      weight.push_back(w);
    }
    density = evaluate(model, points);
  }
  [[nodiscard]] std::size_t corners() const { return std::size_t{1} << dim; }
  [[nodiscard]] double variance(std::size_t d) const { return on[d] * sigmoid(-logit[d]); }
  [[nodiscard]] double entropy_slope(std::size_t d) const { return -logit[d] * variance(d); }
  [[nodiscard]] double slope(std::size_t corner, std::size_t d) const {
    return density.prior[corner * (1 + dim) + 1 + d] + density.likelihood[corner * (1 + dim) + 1 + d];
  }
  /// f on all corners for the logit of coordinate `own`.
  [[nodiscard]] std::vector<double> values(Objective objective, Entropy entropy, std::size_t own) const {
    std::vector<double> f(corners());
    for (std::size_t corner = 0; corner < corners(); ++corner) {
      f[corner] = density.prior[corner * (1 + dim)] + density.likelihood[corner * (1 + dim)];
      if (objective != Objective::elbo || entropy == Entropy::exact) continue;
      for (std::size_t d = 0; d < dim; ++d) {
        if (entropy == Entropy::sampled || d == own) f[corner] -= log_sigmoid(bit(corner, d) ? logit[d] : -logit[d]);
      }
    }
    return f;
  }
};

/// One stretch of a uniform u on which b = 1[u > 1 - s] and b~ = 1[u < s] are constant.
struct Piece {
  bool b;
  bool antithetic;
  double first;
  double last;
};

std::vector<Piece> pieces(double on, double off) {
  if (on >= off) return {{false, true, 0.0, off}, {true, true, off, on}, {true, false, on, 1.0}};
  return {{false, true, 0.0, on}, {false, false, on, off}, {true, false, off, 1.0}};
}

/// First and second moments of the pairwise estimators, by adding up all combinations of pieces.
EstimatorTruth pairwise(const Cube& cube, Objective objective, Entropy entropy, bool integrated) {
  const std::size_t dim = cube.dim;
  std::vector<std::vector<Piece>> cuts;
  std::vector<std::vector<double>> f;
  for (std::size_t d = 0; d < dim; ++d) {
    cuts.push_back(pieces(cube.on[d], sigmoid(-cube.logit[d])));
    f.push_back(cube.values(objective, entropy, d));
  }
  EstimatorTruth result{std::vector<double>(dim, 0.0), std::vector<double>(dim, 0.0), 0.0};
  std::vector<double> second(dim, 0.0);
  std::size_t combinations = 1;
  for (std::size_t d = 0; d < dim; ++d) combinations *= 3;
  for (std::size_t c = 0; c < combinations; ++c) {
    std::size_t left = c;
    std::size_t b = 0;
    std::size_t antithetic = 0;
    double weight = 1;
    std::vector<const Piece*> chosen(dim);
    for (std::size_t d = 0; d < dim; ++d, left /= 3) {
      chosen[d] = &cuts[d][left % 3];
      weight *= chosen[d]->last - chosen[d]->first;
      b |= static_cast<std::size_t>(chosen[d]->b) << d;
      antithetic |= static_cast<std::size_t>(chosen[d]->antithetic) << d;
    }
    if (!(weight > 0)) continue;
    for (std::size_t d = 0; d < dim; ++d) {
      const double difference = f[d][b] - f[d][antithetic];
      // Mean and mean square over the piece of what multiplies the difference.
      double factor = 0;
      double square = 0;
      if (integrated) {
        if (chosen[d]->b != chosen[d]->antithetic) {
          factor = 0.5 * (chosen[d]->antithetic ? -1.0 : 1.0) * std::max(cube.on[d], sigmoid(-cube.logit[d]));
        }
        square = factor * factor;
      } else {
        const double low = chosen[d]->first - 0.5;
        const double high = chosen[d]->last - 0.5;
        factor = 0.5 * (low + high);
        square = (low * low + low * high + high * high) / 3.0;
      }
      result.mean[d] += weight * difference * factor;
      second[d] += weight * difference * difference * square;
    }
  }
  double size = 0;
  for (std::size_t d = 0; d < dim; ++d) {
    result.variance[d] = std::max(0.0, second[d] - result.mean[d] * result.mean[d]);
    if (objective == Objective::elbo && entropy == Entropy::exact) result.mean[d] += cube.entropy_slope(d);
    size = std::max({size, std::abs(result.mean[d]), second[d]});
  }
  result.error = 500.0 * std::numeric_limits<double>::epsilon() * size;
  return result;
}

EstimatorTruth straight_through(const Cube& cube, double entropy) {
  EstimatorTruth result;
  double size = 0;
  for (std::size_t d = 0; d < cube.dim; ++d) {
    double mean = 0;
    double variance = 0;
    for (std::size_t k = 0; k < cube.corners(); ++k) mean += cube.weight[k] * cube.slope(k, d) * cube.variance(d);
    for (std::size_t k = 0; k < cube.corners(); ++k) {
      const double deviation = cube.slope(k, d) * cube.variance(d) - mean;
      variance += cube.weight[k] * deviation * deviation;
    }
    result.mean.push_back(mean + entropy * cube.entropy_slope(d));
    result.variance.push_back(variance);
    size = std::max({size, std::abs(result.mean[d]), variance});
  }
  result.error = 500.0 * std::numeric_limits<double>::epsilon() * size;
  return result;
}

/// Relaxations in one dimension. hard: the slope is taken at the rounded value.
EstimatorTruth relaxed(const Model& model, const Cube& cube, double temperature, bool hard, double entropy) {
  const double phi = cube.logit[0];
  const auto on_grid = [&](double panel) {
    const Rule noise = logistic(-phi, panel * std::min(1.0, temperature), 60.0 + std::abs(phi));
    std::vector<double> points;
    for (const double x : noise.nodes) {
      const double y = sigmoid((phi + x) / temperature);
      points.push_back(!hard ? y : y > 0.5 ? 1.0 : 0.0);
    }
    const Density density = evaluate(model, points);
    std::vector<double> g;
    EstimatorTruth result{{0.0}, {0.0}, 0.0};
    for (std::size_t k = 0; k < noise.size(); ++k) {
      const double odds = (phi + noise.nodes[k]) / temperature;
      g.push_back((density.prior[2 * k + 1] + density.likelihood[2 * k + 1]) * sigmoid(odds) * sigmoid(-odds) / temperature);
      result.mean[0] += noise.weights[k] * g[k];
    }
    for (std::size_t k = 0; k < noise.size(); ++k) {
      const double deviation = g[k] - result.mean[0];
      result.variance[0] += noise.weights[k] * deviation * deviation;
    }
    return result;
  };
  EstimatorTruth result = refine(4.0, 0.25, on_grid, [](const EstimatorTruth& t) { return std::vector<double>{t.mean[0], t.variance[0]}; });
  result.mean[0] += entropy * cube.entropy_slope(0);
  return result;
}

/// REBAR in one dimension. Given b, the noise behind y and that behind y~ are independent and distributed alike, as logistic noise x on
/// that side of -phi where b is, so mean and variance given b are those of a function of each.
EstimatorTruth rebar(const Model& model, const Cube& cube, double temperature, double entropy) {
  const double phi = cube.logit[0];
  const std::vector<double> f = cube.values(Objective::expectation, Entropy::exact, 0);
  const auto on_grid = [&](double panel) {
    const Rule noise = logistic(-phi, panel * std::min(1.0, temperature), 60.0 + std::abs(phi));
    std::vector<double> points;
    for (const double x : noise.nodes) points.push_back(sigmoid((phi + x) / temperature));
    const Density density = evaluate(model, points);
    std::vector<double> free(noise.size());
    std::vector<double> tied(noise.size());
    for (std::size_t k = 0; k < noise.size(); ++k) {
      const double x = noise.nodes[k];
      const double odds = (phi + x) / temperature;
      const double value = density.prior[2 * k] + density.likelihood[2 * k];
      const double through = (density.prior[2 * k + 1] + density.likelihood[2 * k + 1]) * sigmoid(odds) * sigmoid(-odds) / temperature;
      const bool b = phi + x > 0;
      // The quantile of x within its side is fixed as phi moves: F(x) = s(-phi) + v s(phi), or v s(-phi).
      const double moves = b ? -sigmoid(-phi) / sigmoid(x) : -cube.on[0] / sigmoid(-x);
      free[k] = through;
      tied[k] = (f[b ? 1 : 0] - value) * ((b ? 1.0 : 0.0) - cube.on[0]) - through * (1 + moves);
    }
    EstimatorTruth result{{0.0}, {0.0}, 0.0};
    std::array<double, 2> given{};
    for (const bool b : {false, true}) {
      const double probability = b ? cube.on[0] : sigmoid(-phi);
      for (const auto* part : {&free, &tied}) {
        double mean = 0;
        double variance = 0;
        const auto sum = [&](auto&& term) {
          double total = 0;
          for (std::size_t k = 0; k < noise.size(); ++k) {
            if ((phi + noise.nodes[k] > 0) == b) total += noise.weights[k] / probability * term((*part)[k]);
          }
          return total;
        };
        mean = sum([](double value) { return value; });
        variance = sum([&](double value) { return (value - mean) * (value - mean); });
        given[b ? 1 : 0] += mean;
        result.variance[0] += probability * variance;
      }
      result.mean[0] += probability * given[b ? 1 : 0];
    }
    const double gap = given[1] - given[0];
    result.variance[0] += cube.variance(0) * gap * gap;
    return result;
  };
  EstimatorTruth result = refine(4.0, 0.25, on_grid, [](const EstimatorTruth& t) { return std::vector<double>{t.mean[0], t.variance[0]}; });
  result.mean[0] += entropy * cube.entropy_slope(0);
  return result;
}

}  // namespace

OneSampleMoments bernoulli_moments(const Model& model, std::span<const double> logits, Objective objective, Entropy entropy) {
  const Cube cube(model, logits);
  OneSampleMoments one;
  double size = 0;
  for (std::size_t d = 0; d < cube.dim; ++d) {
    const double exact = objective == Objective::elbo && entropy == Entropy::exact ? cube.entropy_slope(d) : 0.0;
    add_score_moments(
        cube.weight, cube.values(objective, entropy, d), [&](std::size_t k) { return (bit(k, d) ? 1.0 : 0.0) - cube.on[d]; }, exact, one);
    one.score2.push_back(cube.variance(d));
    size = std::max({size, std::abs(one.gradient[d]), std::abs(one.centre[d]), one.spread[d], one.score_variance[d]});
  }
  one.value = one.centre[0];
  one.value_variance = one.spread[0];
  one.error = 500.0 * std::numeric_limits<double>::epsilon() * size;
  return one;
}

std::vector<double> bernoulli_gradient(const Model& model, std::span<const double> logits, Objective objective) {
  const Cube cube(model, logits);
  const std::vector<double> f = cube.values(objective, Entropy::sampled, 0);
  std::vector<double> gradient(cube.dim, 0.0);
  for (std::size_t d = 0; d < cube.dim; ++d) {
    for (std::size_t k = 0; k < cube.corners(); ++k) {
      gradient[d] += cube.weight[k] * f[k] * (bit(k, d) ? sigmoid(-cube.logit[d]) : -cube.on[d]);
    }
  }
  return gradient;
}

std::optional<EstimatorTruth> bernoulli_truth(const std::string& estimator, const Model& model, std::span<const double> logits,
                                              Objective objective, Index samples, const Options& options) {
  if (samples < 1 || logits.size() > kMostCorners) return std::nullopt;
  const double entropy = objective == Objective::elbo ? 1.0 : 0.0;
  const std::string name = estimator == "reinforce" ? "sf_raw" : estimator;
  if (is_score_estimator(name)) {
    return score_truth(name, bernoulli_moments(model, logits, objective, options.entropy), samples, options);
  }
  std::optional<EstimatorTruth> one;
  if (name == "arm" || name == "disarm") {
    if (logits.size() > kMostPieces) return std::nullopt;
    one = pairwise(Cube(model, logits), objective, options.entropy, name == "disarm");
  } else if (name == "straight_through") {
    one = straight_through(Cube(model, logits), entropy);
  } else if (name == "gumbel_softmax" || name == "straight_through_gumbel" || name == "rebar") {
    if (logits.size() != 1) return std::nullopt;
    if (!(options.temperature > 0)) throw std::invalid_argument("bernoulli: the temperature must be positive");
    one = name == "rebar" ? rebar(model, Cube(model, logits), options.temperature, entropy)
                          : relaxed(model, Cube(model, logits), options.temperature, name != "gumbel_softmax", entropy);
  }
  if (one) {
    for (double& v : one->variance) v /= static_cast<double>(samples);
  }
  return one;
}

}  // namespace variscope::oracles
