/// The mean-field Gaussian family q(z) = prod N(z_d; m_d, s_d^2), parameterised by (m, rho = log s).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/families/catalogue.hpp"
#include "engine/families/family.hpp"

namespace variscope::families {

/// lambda = (m_1..m_D, rho_1..rho_D); z = m + s noise.
class MeanFieldGaussian final : public Family {
 public:
  /// lambda: 2 dim finite values.
  explicit MeanFieldGaussian(std::span<const double> lambda);

  [[nodiscard]] const std::vector<double>& mean() const { return mean_; }
  [[nodiscard]] const std::vector<double>& scale() const { return scale_; }

  [[nodiscard]] Index dim() const override { return static_cast<Index>(mean_.size()); }
  [[nodiscard]] Index parameters() const override { return 2 * dim(); }
  [[nodiscard]] NoiseShape noise() const override { return {dim(), 0}; }
  void sample(ConstBatchView noise, BatchView z) const override;
  void log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  void score(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  void add_weighted_score(ConstBatchView noise, ConstBatchView z, Index first, Index last, std::span<const double> weights,
                          std::span<double> sum) const override;
  /// sum rho + dim/2 (1 + log 2 pi).
  [[nodiscard]] std::optional<double> entropy() const override;
  void add_entropy_gradient(std::span<double> gradient) const override;
  [[nodiscard]] bool reparameterisable() const override { return true; }
  void add_pathwise(ConstBatchView noise, ConstBatchView z, ConstBatchView g, Index first_row, Index first, Index last,
                    std::span<double> sum) const override;
  void grad_log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  [[nodiscard]] bool has_normal_gradient() const override { return true; }
  void add_normal_gradient(std::span<const double> mean, std::span<const double> sd, std::span<double> gradient) const override;
  [[nodiscard]] bool gaussian() const override { return true; }
  void covariance(std::span<double> out) const override;
  void add_gaussian_chain(std::span<const double> by_mean, std::span<const double> by_covariance, bool magnitudes,
                          std::span<double> gradient) const override;
  /// "mean" and "log_scale".
  [[nodiscard]] std::vector<Block> blocks() const override;
  /// "mean[x]", ..., "log_scale[x]", ...
  [[nodiscard]] std::vector<std::string> parameter_names(const std::vector<std::string>& coordinates) const override;
  void moments(std::span<double> mean, std::span<double> sd) const override;
  [[nodiscard]] std::vector<double> inverse_fisher_diagonal() const override;
  [[nodiscard]] const MeanFieldGaussian* mean_field_gaussian() const override { return this; }

 private:
  std::vector<double> mean_;
  std::vector<double> scale_;
  std::vector<double> log_scale_;
};

Entry mean_field_gaussian_entry();

}  // namespace variscope::families
