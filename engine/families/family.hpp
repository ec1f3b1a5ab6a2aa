/// The interface of every variational family: one member q_lambda, how it is sampled, its density, score and pathwise derivative.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/index.hpp"
#include "engine/record.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::families {

using tiles::BatchView;
using tiles::ConstBatchView;

/// Base noise of one sample: standard normals in the first rows of a noise batch, uniforms on (0, 1) in the rows behind them.
struct NoiseShape {
  Index normals = 0;
  Index uniforms = 0;
  [[nodiscard]] Index rows() const { return normals + uniforms; }
};

class BernoulliFamily;
class MeanFieldGaussian;

/// One member of a family, fixed by lambda. Thread-safe: const calls share nothing. All batches of one call have the same columns;
/// a column's result never depends on its neighbours or on its lane. noise: noise().rows() rows; z: dim() rows.
class Family {
 public:
  Family() = default;
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
  virtual ~Family() = default;

  [[nodiscard]] virtual Index dim() const = 0;
  /// Length of lambda.
  [[nodiscard]] virtual Index parameters() const = 0;
  [[nodiscard]] virtual NoiseShape noise() const = 0;

  /// z of each column's noise. A deterministic function of (lambda, noise).
  virtual void sample(ConstBatchView noise, BatchView z) const = 0;
  /// out (1 row) = log q(z); `noise` is what z was sampled from, for families whose density is cheaper in it.
  virtual void log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const = 0;
  /// out (parameters() rows) = d log q(z) / d lambda at fixed z.
  virtual void score(ConstBatchView noise, ConstBatchView z, BatchView out) const = 0;
  /// sum (parameters()) += sum over columns [first, last) of weights[column - first] times the score. Order: column by column.
  /// Default: by score(). Cost O(parameters columns).
  virtual void add_weighted_score(ConstBatchView noise, ConstBatchView z, Index first, Index last, std::span<const double> weights,
                                  std::span<double> sum) const;

  /// H[q] where it has a closed form.
  [[nodiscard]] virtual std::optional<double> entropy() const { return std::nullopt; }
  /// gradient (parameters()) += dH/d lambda; only if entropy() has a value.
  virtual void add_entropy_gradient(std::span<double> gradient) const;

  /// Whether z is a differentiable function of lambda at fixed noise, so that the two below may be called.
  [[nodiscard]] virtual bool reparameterisable() const { return false; }
  /// sum (parameters()) += sum over columns [first, last) of (dz / d lambda)' g, g being columns of a batch of at least first_row + dim()
  /// rows whose rows [first_row, first_row + dim()) hold the vector (a density batch: 1). Order: column by column.
  virtual void add_pathwise(ConstBatchView noise, ConstBatchView z, ConstBatchView g, Index first_row, Index first, Index last,
                            std::span<double> sum) const;
  /// out (dim() rows) = d log q(z) / dz, for families with a density on R^dim.
  virtual void grad_log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const;

  /// Whether E_q[sum_d log N(z_d; mean_d, sd_d^2)] has a closed-form gradient: what a closed-form KL to a normal prior needs.
  [[nodiscard]] virtual bool has_normal_gradient() const { return false; }
  /// gradient (parameters()) += its gradient in lambda. mean, sd: dim() each.
  virtual void add_normal_gradient(std::span<const double> mean, std::span<const double> sd, std::span<double> gradient) const;

  /// Whether q is a normal distribution, so that the two below may be called.
  [[nodiscard]] virtual bool gaussian() const { return false; }
  /// out: dim() x dim(), row by row.
  virtual void covariance(std::span<double> out) const;
  /// gradient (parameters()) += chain rule from dE/d mean (dim()) and dE/d covariance (dim() x dim(), symmetric). magnitudes: with the
  /// absolute values of all factors, to carry error bounds.
  virtual void add_gaussian_chain(std::span<const double> by_mean, std::span<const double> by_covariance, bool magnitudes,
                                  std::span<double> gradient) const;

  /// Discrete families of at most kMostStates states: their number, and one state per column. 0: too many, or continuous.
  static constexpr Index kMostStates = 4096;
  [[nodiscard]] virtual Index states() const { return 0; }
  virtual void list_states(BatchView z) const;

  /// Named runs of parameters that are reported on their own: "mean", "log_scale", ...
  [[nodiscard]] virtual std::vector<Block> blocks() const = 0;
  /// "mean[x]", ...: parameters() of them. coordinates: dim() names.
  [[nodiscard]] virtual std::vector<std::string> parameter_names(const std::vector<std::string>& coordinates) const = 0;

  /// Mean and marginal standard deviation of each coordinate of z (dim() each), in closed form.
  virtual void moments(std::span<double> mean, std::span<double> sd) const = 0;
  /// Weights w for the Fisher-weighted trace sum_p w_p Var g_p (the inverse diagonal of the Fisher information), where that is known in
  /// closed form; empty otherwise. Mean-field Gaussian: s_i^2 for means, 1/2 for log scales.
  [[nodiscard]] virtual std::vector<double> inverse_fisher_diagonal() const { return {}; }

  /// The few estimators that are made for one family ask for it here.
  [[nodiscard]] virtual const MeanFieldGaussian* mean_field_gaussian() const { return nullptr; }
  [[nodiscard]] virtual const BernoulliFamily* bernoulli() const { return nullptr; }
};

}  // namespace variscope::families
