/// Posterior moments by quadrature.
#include "engine/approximations/grid_moments.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "engine/approximations/laplace.hpp"
#include "engine/dense.hpp"

namespace variscope::approximations {

namespace {

constexpr Index kColumns = 4096;         ///< evaluated together
constexpr double kMostPoints = 4194304;  ///< of a grid
constexpr double kWidest = 60;           ///< sinh of it is 6e25
constexpr double kSettled = 1e-8;        ///< sd
constexpr double kReliable = 1e-3;       ///< sd
constexpr double kSpacing = 0.25;        ///< at first
constexpr double kRange = 3.5;           ///< at first: sinh of it is 16.5

struct Moments {
  std::vector<double> mean;
  std::vector<double> sd;
  std::vector<double> correlation;  ///< [pair]
  double log_sum = 0;
};

class Grid {
 public:
  Grid(const Density& density, const std::function<void(ConstBatchView, BatchView)>& constrain, Index variables, std::vector<double> start)
      : density_(density), constrain_(constrain), variables_(variables) {
    mode_ = optimizers::maximise(objective_of(density), std::move(start)).lambda;
    const Index dim = density.dim;
    // Columns of the inverse of the transposed factor: its square is the covariance that the curvature tells.
    scale_ = dense::identity(dim);
    if (const auto lower = dense::cholesky(negative_hessian(density, mode_))) {
      for (Index i = 0; i < dim; ++i) {
        std::vector<double> unit(static_cast<std::size_t>(dim), 0.0);
        unit[static_cast<std::size_t>(i)] = 1;
        dense::solve_lower_transposed(*lower, unit);
        for (Index d = 0; d < dim; ++d) scale_(d, i) = unit[static_cast<std::size_t>(d)];
        log_scale_ -= std::log((*lower)(i, i));
      }
    }
    // Deviations are taken from the variables at the mode.
    tiles::Batch at(dim, 1);
    tiles::Batch out(variables, 1);
    for (Index d = 0; d < dim; ++d) at(d, 0) = mode_[static_cast<std::size_t>(d)];
    constrain(at.view(), out.view());
    for (Index v = 0; v < variables; ++v) centre_.push_back(out(v, 0));
  }

  [[nodiscard]] static Index side(double spacing, double range) { return 2 * static_cast<Index>(std::ceil(range / spacing)) + 1; }
  [[nodiscard]] Index points(double spacing, double range) const {
    double count = 1;
    for (Index d = 0; d < density_.dim; ++d) count *= static_cast<double>(side(spacing, range));
    return static_cast<Index>(std::min(count, 1e18));
  }

  [[nodiscard]] Moments sums(double spacing, double range) const {
    const Index dim = density_.dim;
    const Index per_side = side(spacing, range);
    const Index count = points(spacing, range);
    const auto size = static_cast<std::size_t>(variables_);
    double top = -std::numeric_limits<double>::infinity();
    double total = 0;
    std::vector<double> first(size, 0.0);
    std::vector<double> second(size, 0.0);
    std::vector<double> product(size * (size - 1) / 2, 0.0);
    tiles::Batch theta(dim, kColumns);
    tiles::Batch value(1, kColumns);
    tiles::Batch out(variables_, kColumns);
    std::vector<double> weight(kColumns);
    for (Index begin = 0; begin < count; begin += kColumns) {
      const Index columns = std::min(kColumns, count - begin);
      theta.resize(dim, columns);
      value.resize(1, columns);
      out.resize(variables_, columns);
      for (Index c = 0; c < columns; ++c) weight[static_cast<std::size_t>(c)] = place(begin + c, per_side, spacing, theta, c);
      density_.evaluate(theta.view(), {true, false}, {}, value.view());
      constrain_(theta.view(), out.view());
      for (Index c = 0; c < columns; ++c) {
        const double log_weight = value(0, c) + weight[static_cast<std::size_t>(c)];
        if (!std::isfinite(log_weight)) continue;  // no mass out there
        if (log_weight > top) {
          const double shrink = std::exp(top - log_weight);
          total *= shrink;
          for (std::size_t v = 0; v < size; ++v) {
            first[v] *= shrink;
            second[v] *= shrink;
          }
          for (double& p : product) p *= shrink;
          top = log_weight;
        }
        const double w = std::exp(log_weight - top);
        if (w == 0) continue;
        total += w;
        std::size_t pair = 0;
        for (std::size_t v = 0; v < size; ++v) {
          const double deviation = out(static_cast<Index>(v), c) - centre_[v];
          first[v] += w * deviation;
          second[v] += w * deviation * deviation;
          for (std::size_t u = v + 1; u < size; ++u) product[pair++] += w * deviation * (out(static_cast<Index>(u), c) - centre_[u]);
        }
      }
    }
    Moments moments;
    for (std::size_t v = 0; v < size; ++v) {
      const double mean = first[v] / total;
      moments.mean.push_back(centre_[v] + mean);
      moments.sd.push_back(std::sqrt(std::max(0.0, second[v] / total - mean * mean)));
    }
    std::size_t pair = 0;
    for (std::size_t v = 0; v < size; ++v) {
      for (std::size_t u = v + 1; u < size; ++u) {
        const double covariance = product[pair++] / total - (first[v] / total) * (first[u] / total);
        moments.correlation.push_back(covariance / (moments.sd[v] * moments.sd[u]));
      }
    }
    moments.log_sum = top + std::log(total) + static_cast<double>(dim) * std::log(spacing) + log_scale_;
    return moments;
  }

 private:
  /// Point number `index` of the grid into column c of theta; the log of its Jacobian.
  double place(Index index, Index per_side, double spacing, tiles::Batch& theta, Index c) const {
    const Index dim = density_.dim;
    const Index half_side = per_side / 2;
    double u[kMostGridDim] = {};
    double log_jacobian = 0;
    for (Index d = 0; d < dim; ++d) {
      const double t = spacing * static_cast<double>(index % per_side - half_side);
      index /= per_side;
      u[d] = std::sinh(t);
      log_jacobian += std::log(std::cosh(t));
    }
    for (Index d = 0; d < dim; ++d) {
      double x = mode_[static_cast<std::size_t>(d)];
      for (Index i = 0; i < dim; ++i) x += scale_(d, i) * u[i];
      theta(d, c) = x;
    }
    return log_jacobian;
  }

  const Density& density_;
  const std::function<void(ConstBatchView, BatchView)>& constrain_;
  Index variables_;
  std::vector<double> mode_;
  dense::Matrix scale_;
  double log_scale_ = 0;
  std::vector<double> centre_;
};

/// Largest change of any moment in units of its sd; NaN (not finite moments) counts as infinite.
double change(const Moments& a, const Moments& b) {
  double most = std::abs(a.log_sum - b.log_sum);
  for (std::size_t v = 0; v < a.mean.size(); ++v) {
    const double unit = std::max(b.sd[v], 1e-300);
    for (const double c : {(a.mean[v] - b.mean[v]) / unit, (a.sd[v] - b.sd[v]) / unit}) {
      if (!(std::abs(c) <= most)) most = std::abs(c);
    }
  }
  return std::isnan(most) ? std::numeric_limits<double>::infinity() : most;
}

}  // namespace

GridMoments grid_moments(const Density& density, const std::function<void(ConstBatchView theta, BatchView out)>& constrain, Index variables,
                         std::vector<double> start) {
  if (density.dim > kMostGridDim) throw std::invalid_argument("grid_moments: too many dimensions");
  const Grid grid(density, constrain, variables, std::move(start));
  GridMoments result;
  double spacing = kSpacing;
  double range = kRange;
  Moments now = grid.sums(spacing, range);
  Moments narrower = now;
  Moments coarser = now;
  double by_range = std::numeric_limits<double>::infinity();
  double by_spacing = by_range;
  while (range < kWidest && static_cast<double>(grid.points(spacing, 1.5 * range)) <= kMostPoints) {
    range *= 1.5;
    narrower = std::exchange(now, grid.sums(spacing, range));
    by_range = change(narrower, now);
    if (by_range < kSettled) break;
  }
  const Moments widest = now;
  while (static_cast<double>(grid.points(spacing / 2, range)) <= kMostPoints) {
    spacing /= 2;
    coarser = std::exchange(now, grid.sums(spacing, range));
    by_spacing = change(coarser, now);
    if (by_spacing < kSettled) break;
  }
  result.mean = now.mean;
  result.sd = now.sd;
  result.correlation = now.correlation;
  for (std::size_t v = 0; v < now.mean.size(); ++v) {
    result.mean_error.push_back(std::abs(widest.mean[v] - narrower.mean[v]) + std::abs(now.mean[v] - coarser.mean[v]));
    result.sd_error.push_back(std::abs(widest.sd[v] - narrower.sd[v]) + std::abs(now.sd[v] - coarser.sd[v]));
  }
  result.log_evidence = now.log_sum;
  result.evidence_error = std::abs(widest.log_sum - narrower.log_sum) + std::abs(now.log_sum - coarser.log_sum);
  result.points = grid.points(spacing, range);
  if (!(by_range < kReliable)) result.trouble = "moments still change as the range is widened: perhaps they do not exist";
  if (!(by_spacing < kReliable)) result.trouble = "moments still change as the grid is refined";
  return result;
}

}  // namespace variscope::approximations
