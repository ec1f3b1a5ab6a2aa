/// A family some of whose coordinates are points: model parameters that are optimised jointly with q over the others.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/families/catalogue.hpp"
#include "engine/families/family.hpp"

namespace variscope::families {

/// q(z) = q_inner(z of the other coordinates), and z_p = theta_p for the points p: no noise, no density, no entropy. Maximising E_q[l] + H
/// is then maximising, over the points, a lower bound of log of the integral of exp l over the other coordinates: empirical Bayes, type II
/// maximum likelihood (or a posteriori, if the density holds a prior of the points), by variational EM (Neal, Hinton 1998; Kucukelbir et
/// al. 2017 call such coordinates model parameters). lambda = (lambda of the inner family over dim - P coordinates, theta_1..theta_P). The
/// pathwise derivative of a point is the model's own: dz_p / d theta_p = 1. Estimators that need the score of every parameter cannot
/// serve (estimators::reason_against says so).
class WithPoints final : public Family {
 public:
  /// points: positions among the dim coordinates, ascending, fewer than dim. inner: over the others, reparameterisable.
  WithPoints(std::unique_ptr<Family> inner, std::vector<Index> points, std::span<const double> values);

  [[nodiscard]] Index dim() const override { return inner_->dim() + static_cast<Index>(points_.size()); }
  [[nodiscard]] Index parameters() const override { return inner_->parameters() + static_cast<Index>(points_.size()); }
  [[nodiscard]] NoiseShape noise() const override { return inner_->noise(); }
  void sample(ConstBatchView noise, BatchView z) const override;
  /// Of the coordinates that are no points.
  void log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  /// Throws std::logic_error: a point has none.
  void score(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  [[nodiscard]] std::optional<double> entropy() const override { return inner_->entropy(); }
  void add_entropy_gradient(std::span<double> gradient) const override;
  [[nodiscard]] bool reparameterisable() const override { return true; }
  void add_pathwise(ConstBatchView noise, ConstBatchView z, ConstBatchView g, Index first_row, Index first, Index last,
                    std::span<double> sum) const override;
  /// Zero in the points.
  void grad_log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  /// Those of the inner family, then "point".
  [[nodiscard]] std::vector<Block> blocks() const override;
  /// Those of the inner family, then "point[x]".
  [[nodiscard]] std::vector<std::string> parameter_names(const std::vector<std::string>& coordinates) const override;
  /// The sd of a point is 0.
  void moments(std::span<double> mean, std::span<double> sd) const override;

  [[nodiscard]] const std::vector<Index>& points() const { return points_; }

 private:
  /// Rows of the coordinates that are no points, from rows [first_row, first_row + dim()) of a batch.
  void gather(ConstBatchView from, Index first_row, tiles::Batch& to) const;

  std::unique_ptr<Family> inner_;
  std::vector<Index> points_;
  std::vector<Index> others_;
  std::vector<double> values_;
};

/// The entry of `base` with these coordinates as points; Arguments::dim counts all coordinates. base's members are reparameterisable.
Entry with_points(const Entry& base, const std::vector<Index>& points);

/// Whether some coordinates have no density.
bool has_points(const Family& family);

}  // namespace variscope::families
