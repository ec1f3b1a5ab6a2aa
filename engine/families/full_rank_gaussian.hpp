/// The full-rank Gaussian family q(z) = N(z; m, L L'), L lower triangular with a positive diagonal.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/aligned_vector.hpp"
#include "engine/families/catalogue.hpp"
#include "engine/families/family.hpp"

namespace variscope::families {

/// lambda = (m_1..m_D, log L_11..log L_DD, the strictly lower part of L row by row: L_21, L_31, L_32, ...); z = m + L noise.
/// Sampling, the score and the pathwise derivative cost O(D^2) a column.
class FullRankGaussian final : public Family {
 public:
  /// D (D + 3) / 2.
  static Index size(Index dim) { return dim * (dim + 3) / 2; }

  /// lambda: size(dim) finite values.
  FullRankGaussian(Index dim, std::span<const double> lambda);

  [[nodiscard]] const std::vector<double>& mean() const { return mean_; }
  /// L_ij, j <= i.
  [[nodiscard]] double factor(Index i, Index j) const { return row(i)[j]; }

  [[nodiscard]] Index dim() const override { return static_cast<Index>(mean_.size()); }
  [[nodiscard]] Index parameters() const override { return size(dim()); }
  [[nodiscard]] NoiseShape noise() const override { return {dim(), 0}; }
  void sample(ConstBatchView noise, BatchView z) const override;
  void log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  /// With w = L^-T eps: w for the mean, L_ii w_i eps_i - 1 for log L_ii, w_i eps_j for L_ij.
  void score(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  void add_weighted_score(ConstBatchView noise, ConstBatchView z, Index first, Index last, std::span<const double> weights,
                          std::span<double> sum) const override;
  /// sum log L_ii + dim/2 (1 + log 2 pi).
  [[nodiscard]] std::optional<double> entropy() const override;
  void add_entropy_gradient(std::span<double> gradient) const override;
  [[nodiscard]] bool reparameterisable() const override { return true; }
  /// g for the mean, tril(g eps') for L, times L_ii for log L_ii.
  void add_pathwise(ConstBatchView noise, ConstBatchView z, ConstBatchView g, Index first_row, Index first, Index last,
                    std::span<double> sum) const override;
  /// -L^-T eps.
  void grad_log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  [[nodiscard]] bool has_normal_gradient() const override { return true; }
  void add_normal_gradient(std::span<const double> mean, std::span<const double> sd, std::span<double> gradient) const override;
  [[nodiscard]] bool gaussian() const override { return true; }
  void covariance(std::span<double> out) const override;
  void add_gaussian_chain(std::span<const double> by_mean, std::span<const double> by_covariance, bool magnitudes,
                          std::span<double> gradient) const override;
  /// "mean", "log_scale" and, from two coordinates on, "off_diagonal".
  [[nodiscard]] std::vector<Block> blocks() const override;
  /// "mean[x]", ..., "log_scale[x]", ..., "off_diagonal[y,x]", ... (row, column).
  [[nodiscard]] std::vector<std::string> parameter_names(const std::vector<std::string>& coordinates) const override;
  void moments(std::span<double> mean, std::span<double> sd) const override;
  /// With P = (L L')^-1: F = P_ii for m_i, L_ii^2 P_ii + 1 for log L_ii, P_ii for L_ij, from the variances of the score. F is not
  /// diagonal: the means' block is P, those of L's columns are dense. Cost O(D^3).
  [[nodiscard]] std::vector<double> inverse_fisher_diagonal() const override;

 private:
  /// Row i of L up to its diagonal; the rows lie one behind the other.
  [[nodiscard]] const double* row(Index i) const { return factor_.data() + i * (i + 1) / 2; }
  /// w = L^-T eps of one lane block; both dim() x 8.
  void solve_transposed(const double* eps, double* w) const;

  std::vector<double> mean_;
  std::vector<double> log_diagonal_;
  AlignedVector factor_;
};

Entry full_rank_gaussian_entry();

}  // namespace variscope::families
