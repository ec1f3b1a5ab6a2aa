/// The metric of a chain: the covariance that proposals and momenta are shaped by, learned over the warm-up windows.
#pragma once

#include <span>
#include <string>

#include "engine/index.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/windows.hpp"

namespace variscope::samplers {

enum class MetricKind { unit, diagonal, dense };

/// Sigma (dim x dim), the inverse mass: 1, a diagonal, or dense with factor L, Sigma = L L^T. A view of size() numbers of a chain's state:
/// Sigma, L, and the running moments that it learns from.
class Metric {
 public:
  Metric(MetricKind kind, Index dim, double* state) : kind_(kind), dim_(dim), state_(state) {}
  static Index size(MetricKind kind, Index dim);

  /// Sigma = 1, nothing learned.
  void start();
  /// What behind warm-up iteration `iteration` is due: learning from the draw (dim entries), setting Sigma at a window's end, by Stan's
  /// shrinkage n / (n + 5) covariance + 1e-3 5 / (n + 5). True if Sigma was set; false for the unit metric always.
  bool learn(Index iteration, Index warmup, const double* position);
  /// Sets Sigma: dim variances (diagonal), or dim x dim entries row by row (dense). False, and nothing done, unless positive definite.
  bool set(std::span<const double> sigma);
  /// Sets Sigma to these dim variances, whatever its kind. False, and nothing done, for the unit metric, and unless they are above 0.
  bool set_diagonal(std::span<const double> variances);

  /// out = L z: covariance Sigma of standard normals z. In place is allowed.
  void spread(const double* z, double* out) const;
  /// out = L^-T z: covariance Sigma^-1 of standard normals z, momenta. In place is allowed.
  void momentum(const double* z, double* out) const;
  /// out = Sigma p. Not in place.
  void velocity(const double* p, double* out) const;
  /// out = L^-1 x. In place is allowed.
  void whiten(const double* x, double* out) const;
  [[nodiscard]] MetricKind kind() const { return kind_; }
  /// Sigma as set() takes it.
  [[nodiscard]] const double* sigma() const { return state_; }

 private:
  [[nodiscard]] Index entries() const { return kind_ == MetricKind::dense ? dim_ * dim_ : kind_ == MetricKind::diagonal ? dim_ : 0; }
  [[nodiscard]] double* factor() const { return state_ + entries(); }
  [[nodiscard]] double* learned() const { return state_ + 2 * entries(); }  ///< count, mean, sums of squared deviations

  MetricKind kind_;
  Index dim_;
  double* state_;
};

/// The key "metric" of a spec: unit, diagonal or dense.
Word metric_word(const std::string& name, const std::string& description, const std::string& default_value);
MetricKind metric_kind(const std::string& word);

/// x'y, four sums side by side: the same bits whatever the vector width.
double dot(const double* x, const double* y, Index dim);
/// sum_d weights_d x_d^2, likewise.
double weighted_square(const double* weights, const double* x, Index dim);

}  // namespace variscope::samplers
