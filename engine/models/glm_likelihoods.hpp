/// The likelihoods of generalised linear models, for packs of linear predictors.
///
/// A likelihood is a policy L, a small value:
///   L::Lane(Pack log_scale)                      what columns have of their own; nothing where there is no scale
///   L::Row row(Pack eta, Datum, Lane)            with residual() (d log p / d eta) and curvature() (second derivative)
///   L::Sum                                       of one chunk: add(Row, Lane); Pack value(Lane, rows), without what is constant in the
///                                                parameters; Pack slope(Lane, rows), its derivative in the log scale, if kScale
///   Row::mixed(), Row::bend()                    if kScale: second derivatives in eta and the log scale, and in the log scale twice
///   Pack mean(Pack eta, Datum, Lane)             E[y]
/// Where value and slope need different sums, the compiler drops the one that is not asked for.
#pragma once

#include <limits>

#include "engine/models/logistic_terms.hpp"
#include "engine/simd/special.hpp"

namespace variscope::models::glm {

using simd::broadcast;
using simd::fma;
using simd::Pack;

constexpr double kHalfLog2Pi = 0.918938533204672741780;
/// Beyond, exp(eta) is taken for infinite: 5e173, so that sums of derivatives stay finite, times two scales of e^100 too.
constexpr double kExpLimit = 400;

/// A row's response as the likelihood wants it, and the number of its trials.
struct Datum {
  double response;
  double trials;
};

struct NoLane {
  explicit NoLane(Pack) {}
};

/// y ~ N(eta, sigma^2).
struct Gaussian {
  static constexpr bool kScale = true;
  struct Lane {
    Pack log_scale;
    Pack inverse;
    explicit Lane(Pack log_sigma) : log_scale(log_sigma), inverse(simd::exp_bounded(-log_sigma)) {}
  };
  struct Row {
    Pack z;  ///< (y - eta) / sigma
    Pack inverse;
    [[nodiscard]] Pack residual() const { return z * inverse; }
    [[nodiscard]] Pack curvature() const { return -(inverse * inverse); }
    [[nodiscard]] Pack mixed() const { return z * inverse * -2.0; }
    [[nodiscard]] Pack bend() const { return z * z * -2.0; }
  };
  struct Sum {
    Pack squares{};
    void add(const Row& row, const Lane&) { squares = fma(row.z, row.z, squares); }
    [[nodiscard]] Pack value(const Lane& lane, double rows) const { return squares * -0.5 - rows * (lane.log_scale + kHalfLog2Pi); }
    [[nodiscard]] Pack slope(const Lane&, double rows) const { return squares - rows; }
  };
  [[nodiscard]] Row row(Pack eta, const Datum& y, const Lane& lane) const { return {(y.response - eta) * lane.inverse, lane.inverse}; }
  [[nodiscard]] Pack mean(Pack eta, const Datum&, const Lane&) const { return eta; }
};

/// (y - eta) / sigma ~ Student's t with known degrees of freedom.
struct StudentT {
  static constexpr bool kScale = true;
  double degrees;
  double normaliser;  ///< log Gamma((degrees + 1) / 2) - log Gamma(degrees / 2) - log(degrees pi) / 2

  struct Lane {
    Pack log_scale;
    Pack inverse;
    explicit Lane(Pack log_sigma) : log_scale(log_sigma), inverse(simd::exp_bounded(-log_sigma)) {}
  };
  struct Row {
    Pack z;
    Pack inverse;
    Pack square;
    Pack weight;  ///< (degrees + 1) / (degrees + z^2)
    double degrees;
    double normaliser;
    [[nodiscard]] Pack residual() const { return weight * z * inverse; }
    [[nodiscard]] Pack curvature() const { return weight * ((square - degrees) / (square + degrees)) * (inverse * inverse); }
    /// weight z inverse and weight z^2, each times the derivative of its logarithm in log z, -2 degrees / (degrees + z^2).
    [[nodiscard]] Pack mixed() const { return weight * z * inverse * (-2.0 * degrees / (square + degrees)); }
    [[nodiscard]] Pack bend() const { return weight * square * (-2.0 * degrees / (square + degrees)); }
  };
  struct Sum {
    Pack values{};
    Pack weighted{};
    void add(const Row& row, const Lane&) {
      values = values + (row.normaliser - 0.5 * (row.degrees + 1) * simd::log1p_nonnegative(row.square / row.degrees));
      weighted = fma(row.weight, row.square, weighted);
    }
    [[nodiscard]] Pack value(const Lane& lane, double rows) const { return values - rows * lane.log_scale; }
    [[nodiscard]] Pack slope(const Lane&, double rows) const { return weighted - rows; }
  };
  [[nodiscard]] Row row(Pack eta, const Datum& y, const Lane& lane) const {
    const Pack z = (y.response - eta) * lane.inverse;
    const Pack square = z * z;
    return {z, lane.inverse, square, (degrees + 1) / (square + degrees), degrees, normaliser};
  }
  [[nodiscard]] Pack mean(Pack eta, const Datum&, const Lane&) const { return eta; }
};

/// P(y = 1) = 1 / (1 + exp(-eta)); the response is 2 y - 1. As logistic_regression.
struct Bernoulli {
  static constexpr bool kScale = false;
  using Lane = NoLane;
  struct Row {
    logistic::Terms terms;
    double sign;
    [[nodiscard]] Pack residual() const { return sign * terms.residual(); }
    [[nodiscard]] Pack curvature() const { return -terms.slope(); }
  };
  struct Sum {
    logistic::Loss loss;
    void add(const Row& row, const Lane&) { loss.add(row.terms); }
    [[nodiscard]] Pack value(const Lane&, double) const { return loss.log_likelihood(); }
  };
  [[nodiscard]] Row row(Pack eta, const Datum& y, const Lane&) const { return {logistic::terms(eta * y.response), y.response}; }
  [[nodiscard]] Pack mean(Pack eta, const Datum&, const Lane&) const { return logistic::terms(-eta).residual(); }
};

/// sigmoid(eta) and sigmoid(-eta), each with all its digits, and log(1 + exp(-|eta|)).
struct Sigmoids {
  Pack up;
  Pack down;
  Pack log1p;
};
inline Sigmoids sigmoids(Pack eta) {
  const Pack t = simd::exp_nonpositive(-simd::abs(eta));
  const Pack large = 1.0 / (t + 1.0);
  const Pack small = t * large;
  return {eta >= 0.0 ? large : small, eta >= 0.0 ? small : large, simd::log1p_nonnegative(t)};
}

/// y successes of m trials, each with probability 1 / (1 + exp(-eta)).
struct Binomial {
  static constexpr bool kScale = false;
  using Lane = NoLane;
  struct Row {
    Pack eta;
    Sigmoids s;
    Datum y;
    [[nodiscard]] Pack residual() const { return s.down * y.response - s.up * (y.trials - y.response); }
    [[nodiscard]] Pack curvature() const { return s.up * s.down * -y.trials; }
  };
  struct Sum {
    Pack values{};
    void add(const Row& row, const Lane&) {
      const Pack against = simd::max(-row.eta, Pack{}) * row.y.response + simd::max(row.eta, Pack{}) * (row.y.trials - row.y.response);
      values = values - (against + row.s.log1p * row.y.trials);
    }
    [[nodiscard]] Pack value(const Lane&, double) const { return values; }
  };
  [[nodiscard]] Row row(Pack eta, const Datum& y, const Lane&) const { return {eta, sigmoids(eta), y}; }
  [[nodiscard]] Pack mean(Pack eta, const Datum& y, const Lane&) const { return sigmoids(eta).up * y.trials; }
};

/// y ~ Poisson(exp(eta)). Beyond eta = 400 the log density is -infinity.
struct Poisson {
  static constexpr bool kScale = false;
  using Lane = NoLane;
  struct Row {
    Pack eta;
    Pack mu;  ///< exp(min(eta, 400))
    double y;
    [[nodiscard]] Pack residual() const { return y - mu; }
    [[nodiscard]] Pack curvature() const { return -mu; }
  };
  struct Sum {
    Pack values{};
    void add(const Row& row, const Lane&) {
      const Pack term = fma(row.eta, broadcast(row.y), -row.mu);
      values = values + (row.eta > kExpLimit ? broadcast(-std::numeric_limits<double>::infinity()) : term);
    }
    [[nodiscard]] Pack value(const Lane&, double) const { return values; }
  };
  [[nodiscard]] Row row(Pack eta, const Datum& y, const Lane&) const {
    return {eta, simd::exp_bounded(eta > kExpLimit ? broadcast(kExpLimit) : eta), y.response};
  }
  [[nodiscard]] Pack mean(Pack eta, const Datum&, const Lane&) const { return simd::exp_bounded(eta); }
};

/// Mean mu = exp(eta), variance mu + mu^2 / phi. With delta = eta - log phi: y log sigmoid(delta) + phi log sigmoid(-delta), which nothing
/// makes overflow. log Gamma(y + phi) - log Gamma(phi) depends on the response and the column alone: it is added once for every
/// distinct response of a call (glm.cpp).
struct NegativeBinomial {
  static constexpr bool kScale = true;
  struct Lane {
    Pack log_scale;
    Pack phi;
    explicit Lane(Pack log_phi) : log_scale(log_phi), phi(simd::exp_bounded(log_phi)) {}
  };
  struct Row {
    Pack delta;
    Sigmoids s;
    Pack phi;
    double y;
    [[nodiscard]] Pack residual() const { return s.down * y - s.up * phi; }
    [[nodiscard]] Pack curvature() const { return -(s.up * s.down * (phi + y)); }
    /// Of phi log sigmoid(-delta) and y log sigmoid(delta), where delta falls as log phi grows.
    [[nodiscard]] Pack mixed() const { return s.up * s.down * (phi + y) - s.up * phi; }
    [[nodiscard]] Pack bend() const { return (simd::min(-delta, Pack{}) - s.log1p) * phi + s.up * phi - mixed(); }
  };
  struct Sum {
    Pack values{};
    Pack slopes{};
    void add(const Row& row, const Lane& lane) {
      const Pack none = (simd::min(-row.delta, Pack{}) - row.s.log1p) * lane.phi;  // phi log sigmoid(-delta)
      values = values + fma(simd::min(row.delta, Pack{}) - row.s.log1p, broadcast(row.y), none);
      slopes = slopes + (none - row.residual());
    }
    [[nodiscard]] Pack value(const Lane&, double) const { return values; }
    [[nodiscard]] Pack slope(const Lane&, double) const { return slopes; }
  };
  [[nodiscard]] Row row(Pack eta, const Datum& y, const Lane& lane) const {
    const Pack delta = eta - lane.log_scale;
    return {delta, sigmoids(delta), lane.phi, y.response};
  }
  [[nodiscard]] Pack mean(Pack eta, const Datum&, const Lane&) const { return simd::exp_bounded(eta); }
};

}  // namespace variscope::models::glm
