/// The inverse Hessian that an L-BFGS path knows: a diagonal plus a few products, and the normal distribution with this covariance.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "engine/dense.hpp"
#include "engine/index.hpp"

namespace variscope::approximations {

/// The last pairs (s, y) of a path that maximises log p: s = x_new - x_old, y = gradient_old - gradient_new.
class CurvatureHistory {
 public:
  /// Remembers `memory` pairs of dim entries, >= 1. The diagonal starts as 1.
  CurvatureHistory(Index dim, Index memory);

  /// Takes a pair in, unless s'y <= 0 or y'y > 1e12 s'y (no curvature), where nothing changes and false is returned. The diagonal alpha
  /// follows Gilbert and Lemarechal 1989, Math. Program. 45, as in Zhang et al. 2022 (Pathfinder), algorithm 3.
  bool add(std::span<const double> s, std::span<const double> y);

  [[nodiscard]] const std::vector<double>& diagonal() const { return diagonal_; }
  /// Pairs held.
  [[nodiscard]] Index size() const { return static_cast<Index>(s_.size()); }
  [[nodiscard]] const std::vector<double>& s(Index pair) const { return s_[static_cast<std::size_t>(pair)]; }
  [[nodiscard]] const std::vector<double>& y(Index pair) const { return y_[static_cast<std::size_t>(pair)]; }

 private:
  Index memory_;
  std::vector<double> diagonal_;
  std::deque<std::vector<double>> s_;
  std::deque<std::vector<double>> y_;
};

/// N(., H), H the inverse Hessian of a history: diag(alpha) + [S, diag(alpha) Y] M [S, diag(alpha) Y]' (Byrd, Nocedal, Schnabel 1994, Math.
/// Program. 63, equation 2.6), as diag(alpha)^1/2 (1 - Q Q' + Q L L' Q') diag(alpha)^1/2 with Q orthonormal (Zhang et al. 2022, algorithm
/// 4).
class InverseHessian {
 public:
  /// Nothing where rounding leaves H without a Cholesky factor.
  static std::optional<InverseHessian> of(const CurvatureHistory& history);

  /// H x. O(dim pairs).
  [[nodiscard]] std::vector<double> times(std::span<const double> x) const;
  /// x with covariance H of standard normals u (dim entries each). O(dim pairs).
  [[nodiscard]] std::vector<double> root_times(std::span<const double> u) const;
  /// log |H|.
  [[nodiscard]] double log_determinant() const;

 private:
  InverseHessian() = default;
  std::vector<double> root_;  ///< alpha^1/2
  dense::Matrix q_;           ///< rank x dim: Q'
  dense::Matrix lower_;       ///< L, rank x rank
};

}  // namespace variscope::approximations
