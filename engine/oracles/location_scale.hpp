/// Location-scale Gaussians z = m + L eps as the oracles see them: the factor and which entry of it each scale parameter moves.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/index.hpp"

namespace variscope::oracles {

/// How a full-rank family lays out L behind the dim means.
enum class FactorLayout {
  log_diagonal,  ///< log L_ii (dim), then the entries below the diagonal row by row: L_21, L_31, L_32, ...
  rows           ///< the lower triangle row by row, diagonal included as it is: L_11, L_21, L_22, ...
};

/// N(m, L L'), L lower triangular with a positive diagonal, and what its parameters are: dim means, then `entries`.
struct LocationScale {
  /// A parameter that moves L(row, column) at the rate `chain` (L_ii for a log, 1 for the entry itself).
  struct Entry {
    std::size_t row = 0;
    std::size_t column = 0;
    double chain = 1;
  };

  std::size_t dim = 0;
  std::vector<double> mean;
  std::vector<double> factor;   ///< L, dim x dim, row by row
  std::vector<double> inverse;  ///< L^-1, likewise: d log q / dz = -L^-T eps
  std::vector<Entry> entries;
  bool mean_field = true;

  [[nodiscard]] std::size_t parameters() const { return dim + entries.size(); }
  [[nodiscard]] double at(std::size_t i, std::size_t j) const { return factor[i * dim + j]; }
  /// (L^-T)_ij.
  [[nodiscard]] double back(std::size_t i, std::size_t j) const { return inverse[j * dim + i]; }
  [[nodiscard]] double log_determinant() const;
  /// dH/dlambda_p: 1 / L_ii times the chain for a diagonal entry, else 0. p: 0-based parameter.
  [[nodiscard]] double entropy_slope(std::size_t p) const;
  /// Var of the score of parameter p: |row i of L^-T|^2; chain^2 (|row i of L^-T|^2 + (L^-T)_ij^2).
  [[nodiscard]] double score_variance(std::size_t p) const;
  /// m + L eps.
  void place(const double* eps, double* z) const;
};

/// lambda = (m, log s). Throws std::invalid_argument unless it has an even, positive length.
LocationScale mean_field(std::span<const double> lambda);
/// lambda = (m, L in the layout). Throws std::invalid_argument unless it has dim + dim (dim + 1) / 2 entries and a positive diagonal.
LocationScale full_rank(std::size_t dim, std::span<const double> lambda, FactorLayout layout);
/// By the catalogue's name: "mean_field_gaussian", "full_rank_gaussian"; nothing for any other.
std::optional<LocationScale> location_scale(const std::string& family, std::size_t dim, std::span<const double> lambda,
                                            FactorLayout layout);

}  // namespace variscope::oracles
