/// The Gaussian mixture family q(z) = sum_k w_k prod_d N(z_d; m_kd, s_kd^2): mean-field normals with weights softmax(logits).
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "engine/families/catalogue.hpp"
#include "engine/families/family.hpp"

namespace variscope::families {

/// lambda = (logits of components 0..K-2, that of the last being 0; means component by component; log scales likewise).
/// Noise: dim normals and one uniform that picks the component by its cumulated weights. That choice is discrete: z jumps as the weights
/// move, so the family is not reparameterisable. Density and scores cost O(D K) a column. The Fisher information, an expectation of
/// products of responsibilities, has no closed form: inverse_fisher_diagonal() is empty.
class GaussianMixture final : public Family {
 public:
  /// K - 1 + 2 D K.
  static Index size(Index dim, Index components) { return components - 1 + 2 * dim * components; }

  /// lambda: size(dim, components) finite values. components >= 1.
  GaussianMixture(Index dim, Index components, std::span<const double> lambda);

  [[nodiscard]] Index components() const { return static_cast<Index>(weights_.size()); }
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }

  /// [component x dim].
  [[nodiscard]] const std::vector<double>& means() const { return mean_; }
  [[nodiscard]] const std::vector<double>& scales() const { return scale_; }
  /// log q at m_k + s_k eps (eps: dim entries), whose gradient there is subtracted from `slope` (dim entries).
  [[nodiscard]] double log_density_of_component(std::size_t component, std::span<const double> eps, std::span<double> slope) const;

  [[nodiscard]] Index dim() const override { return dim_; }
  [[nodiscard]] Index parameters() const override { return size(dim_, components()); }
  [[nodiscard]] NoiseShape noise() const override { return {dim_, 1}; }
  void sample(ConstBatchView noise, BatchView z) const override;
  /// By log-sum-exp over the components.
  void log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  /// With responsibilities r and residuals u = (z - m) / s: r_k - w_k for logits, r_k u / s for means, r_k (u^2 - 1) for log scales.
  void score(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  /// -sum_k r_k u_k / s_k.
  void grad_log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  [[nodiscard]] bool has_normal_gradient() const override { return true; }
  void add_normal_gradient(std::span<const double> mean, std::span<const double> sd, std::span<double> gradient) const override;
  /// "logits" (from two components on), "mean" and "log_scale".
  [[nodiscard]] std::vector<Block> blocks() const override;
  /// "logit[0]", ..., "mean[0,x]", ..., "log_scale[0,x]", ... (component, coordinate).
  [[nodiscard]] std::vector<std::string> parameter_names(const std::vector<std::string>& coordinates) const override;
  void moments(std::span<double> mean, std::span<double> sd) const override;

 private:
  using Lanes = std::array<double, tiles::kLanes>;

  /// One lane block of noise and z with the component each lane was drawn from.
  struct Drawn {
    const double* noise;
    const double* z;
    std::array<std::size_t, tiles::kLanes> component;
  };
  [[nodiscard]] Drawn drawn(const double* noise, const double* z) const;
  /// u_kd of each lane; in the lane's own component it is the noise itself, free of the rounding of z.
  [[nodiscard]] Lanes residual(const Drawn& block, std::size_t component, Index d) const;
  /// Log density of each lane; responsibilities: one entry a component.
  Lanes evaluate(const Drawn& block, std::vector<Lanes>& responsibilities) const;
  /// Where (component, d) lies in means and scales.
  [[nodiscard]] std::size_t at(std::size_t component, Index d) const {
    return component * static_cast<std::size_t>(dim_) + static_cast<std::size_t>(d);
  }

  Index dim_;
  std::vector<double> log_weights_;
  std::vector<double> weights_;
  std::vector<double> mean_;
  std::vector<double> log_scale_;
  std::vector<double> scale_;
};

Entry gaussian_mixture_entry();

}  // namespace variscope::families
