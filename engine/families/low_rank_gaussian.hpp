/// The low-rank Gaussian family q(z) = N(z; m, B B' + diag(d^2)), B dim x rank.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/families/catalogue.hpp"
#include "engine/families/family.hpp"

namespace variscope::families {

/// lambda = (m_1..m_D, log d_1..log d_D, B row by row); z = m + d eps + B f, noise = (eps, f). Everything costs O(D K) a column.
/// Density and scores by the Woodbury identity, written in the noise: with A = B / d, C = I + A'A and h = C^-1 (f - A'eps),
/// d S^-1 (z - m) = eps + A h =: v, B' S^-1 (z - m) = f - h =: t and (z - m)' S^-1 (z - m) = |v|^2 + |t|^2. (t, -v) is the residual of a
/// least-squares problem with the matrix (I; A): solved by rotations (Golub & Van Loan 2013, section 5.2.5), so that nothing cancels or
/// overflows where d is far below B.
class LowRankGaussian final : public Family {
 public:
  /// D (2 + K).
  static Index size(Index dim, Index rank) { return dim * (2 + rank); }

  /// lambda: size(dim, rank) finite values. rank >= 1.
  LowRankGaussian(Index dim, Index rank, std::span<const double> lambda);

  [[nodiscard]] Index rank() const { return rank_; }
  /// d.
  [[nodiscard]] const std::vector<double>& scale() const { return scale_; }

  [[nodiscard]] Index dim() const override { return static_cast<Index>(mean_.size()); }
  [[nodiscard]] Index parameters() const override { return size(dim(), rank_); }
  [[nodiscard]] NoiseShape noise() const override { return {dim() + rank_, 0}; }
  void sample(ConstBatchView noise, BatchView z) const override;
  void log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  /// v / d for the mean, v_i^2 - d_i^2 (S^-1)_ii for log d_i, (v_i t_k - (A C^-1)_ik) / d_i for B_ik.
  void score(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  /// sum log d + log det C / 2 + dim/2 (1 + log 2 pi).
  [[nodiscard]] std::optional<double> entropy() const override;
  void add_entropy_gradient(std::span<double> gradient) const override;
  [[nodiscard]] bool reparameterisable() const override { return true; }
  /// g for the mean, d eps g for log d, g f' for B.
  void add_pathwise(ConstBatchView noise, ConstBatchView z, ConstBatchView g, Index first_row, Index first, Index last,
                    std::span<double> sum) const override;
  /// -v / d.
  void grad_log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const override;
  [[nodiscard]] bool has_normal_gradient() const override { return true; }
  void add_normal_gradient(std::span<const double> mean, std::span<const double> sd, std::span<double> gradient) const override;
  [[nodiscard]] bool gaussian() const override { return true; }
  void covariance(std::span<double> out) const override;
  void add_gaussian_chain(std::span<const double> by_mean, std::span<const double> by_covariance, bool magnitudes,
                          std::span<double> gradient) const override;
  /// "mean", "log_scale" and "factor".
  [[nodiscard]] std::vector<Block> blocks() const override;
  /// "mean[x]", ..., "log_scale[x]", ..., "factor[x,0]", "factor[x,1]", ...
  [[nodiscard]] std::vector<std::string> parameter_names(const std::vector<std::string>& coordinates) const override;
  void moments(std::span<double> mean, std::span<double> sd) const override;
  /// By the Woodbury identity, (v, t) having covariance I - (A; I) C^-1 (A', I) up to signs: with w_i = d_i^2 (S^-1)_ii, F = w_i / d_i^2
  /// for m_i, 2 w_i^2 for log d_i, (w_i (1 - (C^-1)_kk) + (A C^-1)_ik^2) / d_i^2 for B_ik. Empty where some F is 0: a column of zeros in B
  /// is one that no score sees. Cost O(D (D + K) K).
  [[nodiscard]] std::vector<double> inverse_fisher_diagonal() const override;

 private:
  /// Brings element (i, k) of A into row k of R.
  struct Rotation {
    double cosine;
    double sine;
  };

  /// Q' (f; -eps) of one lane block: rank() rows that h follows from into t, dim() rows that it does not reach into v.
  void rotate_forward(const double* noise, double* v, double* t) const;
  /// v (dim() rows) and t (rank() rows) of one lane block.
  void project(const double* noise, double* v, double* t) const;

  Index rank_;
  std::vector<double> mean_;
  std::vector<double> log_scale_;         ///< log d
  std::vector<double> factor_;            ///< B, row by row
  std::vector<double> scale_;             ///< d
  std::vector<Rotation> rotations_;       ///< row by row of A; together Q'
  std::vector<double> scaled_inverse_;    ///< A C^-1, row by row
  std::vector<double> diagonal_of_rest_;  ///< d_i^2 (S^-1)_ii = 1 - (A C^-1 A')_ii
  double log_normaliser_ = 0;             ///< sum log d + log det C / 2 + dim/2 log 2 pi
};

Entry low_rank_gaussian_entry();

}  // namespace variscope::families
