/// Rosenbrock's banana in pairs of coordinates, as a density: narrow curved ridges with known moments.
#pragma once

#include <vector>

#include "engine/models/catalogue.hpp"
#include "engine/models/model.hpp"

namespace variscope::models {

/// Pairs (x, y) = (z_0, z_1), (z_2, z_3), ...: log p = sum of log(sqrt(a b) / pi) - a (x - mu)^2 - b (y - x^2)^2, normalised.
/// E x = mu, Var x = v = 1/(2a); E y = mu^2 + v, Var y = 1/(2b) + 4 mu^2 v + 2 v^2. Cost O(dim) per column.
/// Source: Pagani, Wiegand, Nadarajah 2022, Scand. J. Stat. 49(2), eq. 3 (even Rosenbrock).
class Rosenbrock final : public Model {
 public:
  /// Throws UserError unless dim is even and at least 2, a > 0, b > 0 and all are finite.
  Rosenbrock(Index dim, double a, double b, double mu);

  [[nodiscard]] Index dim() const override { return dim_; }
  void log_prior(ConstBatchView theta, Evaluation& out) const override;
  [[nodiscard]] bool has_hessian_vector() const override { return true; }
  [[nodiscard]] bool has_prior_simulation() const override { return true; }
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override;
  [[nodiscard]] bool has_gaussian_expectation() const override { return true; }
  /// From the moments of x up to the fourth.
  void expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const override;

  [[nodiscard]] double a() const { return a_; }
  [[nodiscard]] double b() const { return b_; }
  [[nodiscard]] double mu() const { return mu_; }

 private:
  Index dim_;
  double a_;
  double b_;
  double mu_;
  double constant_;  ///< of all pairs
};

Entry rosenbrock_entry();

}  // namespace variscope::models
